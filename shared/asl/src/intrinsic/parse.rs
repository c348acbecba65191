//! From text to a compiled call.

use super::{Argument, Call, Intrinsic, Name};
use crate::Value;
use crate::jsonpath::JsonPath;

/// Calls may be nested this deep, as AWS allows.
const MAX_DEPTH: usize = 10;

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Intrinsic {
    /// Compiles a call. `None` for what is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { text, at: 0 };
        parser.spaces();
        let call = parser.call(0)?;
        parser.spaces();
        (parser.at == text.len()).then(|| Self { text: text.into(), call })
    }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, expected: char) -> Option<()> {
        self.spaces();
        self.rest().starts_with(expected).then(|| self.at += expected.len_utf8())
    }

    fn call(&mut self, depth: usize) -> Option<Call> {
        let name_end = self.rest().find('(').filter(|_| depth < MAX_DEPTH)?;
        let function = Name::of(self.rest()[..name_end].trim_end())?;
        self.at += name_end + 1;
        let mut arguments = Vec::new();
        if self.eat(')').is_some() {
            return Some(Call { function, arguments });
        }
        loop {
            self.spaces();
            arguments.push(self.argument(depth)?);
            if self.eat(')').is_some() {
                let call = Call { function, arguments };
                return call.has_fitting_constants().then_some(call);
            }
            self.eat(',')?;
        }
    }

    fn argument(&mut self, depth: usize) -> Option<Argument> {
        match self.rest().chars().next()? {
            '\'' => self.string().map(|text| Argument::Constant(Value::string(text))),
            '$' => {
                let length = path_length(self.rest());
                let path = JsonPath::parse(self.rest()[..length].trim_end())?;
                self.at += length;
                Some(Argument::Path(path))
            }
            'S' => self.call(depth + 1).map(|call| Argument::Call(Box::new(call))),
            _ => {
                let rest = self.rest();
                let length = rest.find([',', ')']).unwrap_or(rest.len());
                let value = Value::parse(rest[..length].trim()).ok()?;
                self.at += length;
                matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
                    .then_some(Argument::Constant(value))
            }
        }
    }

    /// A text in single quotes, in which `\'`, `\{`, `\}` and `\\` stand for the character; braces that were escaped
    /// keep their backslash until `States.Format` has looked for its `{}`.
    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '\'' => {
                    self.at += index + 1;
                    return Some(text);
                }
                '\\' => match characters.next()?.1 {
                    escaped @ ('\'' | '\\') => text.push(escaped),
                    brace @ ('{' | '}') => {
                        text.push('\\');
                        text.push(brace);
                    }
                    other => {
                        text.push('\\');
                        text.push(other);
                    }
                },
                other => text.push(other),
            }
        }
        None
    }
}

impl Call {
    /// Arithmetic on a constant that is no number can never work.
    fn has_fitting_constants(&self) -> bool {
        !matches!(self.function, Name::MathAdd | Name::MathRandom)
            || self.arguments.iter().all(|argument| match argument {
                Argument::Constant(value) => matches!(value, Value::Number(_)),
                Argument::Path(_) | Argument::Call(_) => true,
            })
    }
}

/// How far a path reaches: to the comma or bracket that is not its own.
fn path_length(text: &str) -> usize {
    let mut depth = 0_i32;
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[') => depth += 1,
            (None, ')') if depth == 0 => return index,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => return index,
            _ => {}
        }
    }
    text.len()
}

impl Name {
    fn of(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("States.")? {
            "Array" => Self::Array,
            "ArrayContains" => Self::ArrayContains,
            "ArrayGetItem" => Self::ArrayGetItem,
            "ArrayLength" => Self::ArrayLength,
            "ArrayPartition" => Self::ArrayPartition,
            "ArrayRange" => Self::ArrayRange,
            "ArrayUnique" => Self::ArrayUnique,
            "Base64Decode" => Self::Base64Decode,
            "Base64Encode" => Self::Base64Encode,
            "Format" => Self::Format,
            "Hash" => Self::Hash,
            "JsonMerge" => Self::JsonMerge,
            "JsonToString" => Self::JsonToString,
            "MathAdd" => Self::MathAdd,
            "MathRandom" => Self::MathRandom,
            "StringSplit" => Self::StringSplit,
            "StringToJson" => Self::StringToJson,
            "UUID" => Self::Uuid,
            _ => return None,
        })
    }
}
