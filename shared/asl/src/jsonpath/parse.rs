//! From text to a compiled path.

use super::filter::{Comparison, Filter, Operand};
use super::{Function, JsonPath, Root, Token};
use crate::Value;
use std::sync::Arc;

/// Conditions may be nested this deep.
const MAX_DEPTH: usize = 64;

pub(super) struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl JsonPath {
    /// Compiles a path. `None` for what is no path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        parser.eat('$').then_some(())?;
        let root = if parser.eat('$') {
            Root::Context
        } else {
            let name = parser.take_while(|character| character.is_alphanumeric() || character == '_');
            if name.is_empty() { Root::Input } else { Root::Variable(name.into()) }
        };
        let (tokens, function) = parser.tokens()?;
        (parser.at == text.len()).then(|| Self { text: text.into(), root, tokens, function })
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    fn eat_text(&mut self, expected: &str) -> bool {
        let found = self.text[self.at..].starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|character| !accept(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn tokens(&mut self) -> Option<(Vec<Token>, Option<Function>)> {
        let mut tokens = Vec::new();
        loop {
            if self.eat('.') {
                if self.eat('.') {
                    tokens.push(Token::Scan);
                    if self.peek() == Some('[') {
                        continue;
                    }
                }
                if self.eat('*') {
                    tokens.push(Token::Wildcard);
                    continue;
                }
                if self.peek() == Some('[') {
                    continue;
                }
                let name = self.take_while(is_name);
                if name.is_empty() {
                    return None;
                }
                if self.eat('(') {
                    self.spaces();
                    self.eat(')').then_some(())?;
                    return Some((tokens, Some(Function::named(name)?)));
                }
                tokens.push(Token::Property(name.into()));
            } else if self.eat('[') {
                tokens.push(self.bracket()?);
            } else {
                return Some((tokens, None));
            }
        }
    }

    fn bracket(&mut self) -> Option<Token> {
        self.spaces();
        let token = match self.peek()? {
            '*' => {
                self.at += 1;
                Token::Wildcard
            }
            '?' => {
                self.at += 1;
                self.spaces();
                self.eat('(').then_some(())?;
                let filter = self.any_of()?;
                self.spaces();
                self.eat(')').then_some(())?;
                Token::Filter(filter)
            }
            '\'' | '"' => {
                let mut names = vec![Arc::from(self.quoted()?)];
                self.spaces();
                while self.eat(',') {
                    self.spaces();
                    names.push(Arc::from(self.quoted()?));
                    self.spaces();
                }
                match <[Arc<str>; 1]>::try_from(names) {
                    Ok([name]) => Token::Property(name),
                    Err(names) => Token::Properties(names),
                }
            }
            _ => self.indices()?,
        };
        self.spaces();
        self.eat(']').then_some(token)
    }

    fn indices(&mut self) -> Option<Token> {
        let from = self.integer();
        self.spaces();
        if self.eat(':') {
            self.spaces();
            let to = self.integer();
            return (from.is_some() || to.is_some()).then_some(Token::Slice { from, to });
        }
        let mut indices = vec![from?];
        while self.eat(',') {
            self.spaces();
            indices.push(self.integer()?);
            self.spaces();
        }
        match indices.as_slice() {
            [index] => Some(Token::Index(*index)),
            _ => Some(Token::Indices(indices)),
        }
    }

    fn integer(&mut self) -> Option<i64> {
        let start = self.at;
        let _ = self.eat('-');
        self.take_while(|character| character.is_ascii_digit());
        let number = self.text[start..self.at].parse().ok();
        if number.is_none() {
            self.at = start;
        }
        number
    }

    fn quoted(&mut self) -> Option<String> {
        let quote = self.peek()?;
        if quote != '\'' && quote != '"' {
            return None;
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let character = self.peek()?;
            self.at += character.len_utf8();
            if character == quote {
                return Some(text);
            }
            if character == '\\' {
                let escaped = self.peek()?;
                self.at += escaped.len_utf8();
                text.push(escaped);
            } else {
                text.push(character);
            }
        }
    }

    fn any_of(&mut self) -> Option<Filter> {
        let mut filter = self.all_of()?;
        loop {
            self.spaces();
            if !self.eat_text("||") {
                return Some(filter);
            }
            filter = Filter::Or(Box::new(filter), Box::new(self.all_of()?));
        }
    }

    fn all_of(&mut self) -> Option<Filter> {
        let mut filter = self.term()?;
        loop {
            self.spaces();
            if !self.eat_text("&&") {
                return Some(filter);
            }
            filter = Filter::And(Box::new(filter), Box::new(self.term()?));
        }
    }

    fn term(&mut self) -> Option<Filter> {
        self.depth += 1;
        let term = if self.depth > MAX_DEPTH { None } else { self.bounded_term() };
        self.depth -= 1;
        term
    }

    fn bounded_term(&mut self) -> Option<Filter> {
        self.spaces();
        if self.eat('!') {
            return Some(Filter::Not(Box::new(self.term()?)));
        }
        if self.eat('(') {
            let filter = self.any_of()?;
            self.spaces();
            return self.eat(')').then_some(filter);
        }
        let left = self.operand()?;
        self.spaces();
        let Some(comparison) = self.comparison() else {
            return matches!(left, Operand::Path { .. }).then_some(Filter::Exists(left));
        };
        self.spaces();
        let right = self.operand()?;
        Some(Filter::Compare(left, comparison, right))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const SIGNS: [(&str, Comparison); 13] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("nin", Comparison::NotIn),
            ("in", Comparison::In),
            ("contains", Comparison::Contains),
            ("size", Comparison::Size),
            ("anyof", Comparison::AnyOf),
            ("noneof", Comparison::NoneOf),
            ("subsetof", Comparison::SubsetOf),
        ];
        SIGNS.iter().find(|(sign, _)| self.eat_text(sign)).map(|(_, comparison)| *comparison)
    }

    fn operand(&mut self) -> Option<Operand> {
        self.spaces();
        match self.peek()? {
            start @ ('@' | '$') => {
                self.at += 1;
                let (tokens, function) = self.tokens()?;
                Some(Operand::Path { from_item: start == '@', tokens, function })
            }
            '\'' | '"' => self.quoted().map(|text| Operand::Constant(Value::string(text))),
            '[' | '{' => {
                let rest = &self.text[self.at..];
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
                if let Some(Ok(value)) = values.next() {
                    self.at += values.byte_offset();
                    return Some(Operand::Constant(value));
                }
                self.single_quoted_list()
            }
            _ => {
                let word = self.take_while(|character| {
                    character.is_alphanumeric() || matches!(character, '-' | '+' | '.' | '_')
                });
                if word.is_empty() {
                    return None;
                }
                Some(Operand::Constant(Value::parse(word).unwrap_or_else(|_| Value::string(word))))
            }
        }
    }

    fn single_quoted_list(&mut self) -> Option<Operand> {
        self.depth += 1;
        let list = if self.depth > MAX_DEPTH { None } else { self.bounded_list() };
        self.depth -= 1;
        list
    }

    fn bounded_list(&mut self) -> Option<Operand> {
        self.eat('[').then_some(())?;
        let mut items = Vec::new();
        loop {
            self.spaces();
            if self.eat(']') {
                return Some(Operand::Constant(Value::array(items)));
            }
            let Operand::Constant(item) = self.operand()? else { return None };
            items.push(item);
            self.spaces();
            let _ = self.eat(',');
        }
    }
}

fn is_name(character: char) -> bool {
    !matches!(
        character,
        '.' | '[' | ']' | '(' | ')' | '\'' | '"' | ' ' | ',' | '&' | '|' | '=' | '!' | '<' | '>' | '@'
    )
}

impl Function {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Average,
            "sum" => Self::Sum,
            "stddev" => Self::StandardDeviation,
            "keys" => Self::Keys,
            "first" => Self::First,
            "last" => Self::Last,
            _ => return None,
        })
    }
}
