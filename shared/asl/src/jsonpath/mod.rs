//! JSONPath as AWS reads it: Jayway's dialect, with `$$` for the context object and `$name` for variables.

mod evaluate;
mod filter;
mod parse;
mod reference;

pub(crate) use reference::ReferencePath;

use crate::Value;
use filter::Filter;
use std::fmt;
use std::sync::Arc;

/// A path, compiled once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath {
    text: Arc<str>,
    root: Root,
    tokens: Vec<Token>,
    function: Option<Function>,
}

/// Where a path begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(Arc<str>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Property(Arc<str>),
    Properties(Vec<Arc<str>>),
    Index(i64),
    Indices(Vec<i64>),
    Slice { from: Option<i64>, to: Option<i64> },
    Wildcard,
    Scan,
    Filter(Filter),
}

/// A function at the end of a path, such as `.length()`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Function {
    Length,
    Min,
    Max,
    Average,
    Sum,
    StandardDeviation,
    Keys,
    First,
    Last,
}

/// Why a path has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PathError(pub(crate) String);

/// Gives a path the values it starts from.
pub(crate) trait Roots {
    /// The state's input, or what stands for it.
    fn input(&self) -> Value;
    /// The context object.
    fn context(&self) -> Value;
    /// A variable.
    fn variable(&self, name: &str) -> Option<Value>;
}

impl JsonPath {
    /// The path as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn root(&self) -> &Root {
        &self.root
    }

    /// `$` alone.
    pub(crate) fn is_whole_input(&self) -> bool {
        self.root == Root::Input && self.tokens.is_empty() && self.function.is_none()
    }

    /// Whether only member names and indices are used.
    pub(crate) fn is_reference(&self) -> bool {
        self.function.is_none()
            && self.tokens.iter().all(|token| {
                matches!(token, Token::Property(_)) || matches!(token, Token::Index(index) if *index >= 0)
            })
    }
}

impl Token {
    const fn is_definite(&self) -> bool {
        matches!(self, Self::Property(_) | Self::Properties(_) | Self::Index(_))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(name) => write!(f, "['{name}']"),
            Self::Properties(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                write!(f, "[{}]", quoted.join(","))
            }
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Indices(indices) => {
                let numbers: Vec<String> = indices.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", numbers.join(","))
            }
            Self::Slice { from, to } => {
                let bound = |bound: &Option<i64>| bound.map_or_else(String::new, |number| number.to_string());
                write!(f, "[{}:{}]", bound(from), bound(to))
            }
            Self::Wildcard => f.write_str("[*]"),
            Self::Scan => f.write_str(".."),
            Self::Filter(_) => f.write_str("[?]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonPath, Roots};
    use crate::Value;

    struct Input(Value);

    impl Roots for Input {
        fn input(&self) -> Value {
            self.0.clone()
        }
        fn context(&self) -> Value {
            Value::empty()
        }
        fn variable(&self, name: &str) -> Option<Value> {
            (name == "x").then(|| Value::from(7_i64))
        }
    }

    fn read(path: &str, json: &str) -> Result<String, String> {
        let input = Input(Value::parse(json).unwrap());
        JsonPath::parse(path).unwrap().read(&input).map(|value| value.to_json()).map_err(|error| error.0)
    }

    #[test]
    fn definite_paths_answer_one_value() {
        let json = r#"{"a":{"b c":[10,20,{"d":null}]}}"#;
        assert_eq!(read("$.a['b c'][1]", json).unwrap(), "20");
        assert_eq!(read("$['a'][\"b c\"][-1].d", json).unwrap(), "null");
        assert_eq!(read("$", "3").unwrap(), "3");
        assert_eq!(read("$x", "3").unwrap(), "7");
    }

    #[test]
    fn indefinite_paths_answer_arrays() {
        let json = r#"{"books":[{"p":5,"t":"x"},{"p":15,"t":"y"},{"p":25}]}"#;
        assert_eq!(read("$.books[*].p", json).unwrap(), "[5,15,25]");
        assert_eq!(read("$..p", json).unwrap(), "[5,15,25]");
        assert_eq!(read("$.books[0:2].t", json).unwrap(), r#"["x","y"]"#);
        assert_eq!(read("$.books[?(@.p > 10 && @.t)].t", json).unwrap(), r#"["y"]"#);
        assert_eq!(read("$.books[?(@.t == 'x' || @.p==25)].p", json).unwrap(), "[5,25]");
        assert_eq!(read("$.books[0,2].p", json).unwrap(), "[5,25]");
        assert_eq!(read("$.nothing[*]", json).unwrap(), "[]");
        assert_eq!(read("$.books.length()", json).unwrap(), "3");
    }

    #[test]
    fn deep_conditions_are_refused() {
        for nested in ["(", "!", "@[?("] {
            assert!(JsonPath::parse(&format!("$[?({}@.a", nested.repeat(100_000))).is_none());
        }
        assert!(JsonPath::parse(&format!("$[?(@.a in {}", "[".repeat(100_000))).is_none());
        assert!(JsonPath::parse("$[?(!(@.a && (@.b || @.c)))]").is_some());
    }

    #[test]
    fn what_is_missing_is_told_in_jayways_words() {
        assert_eq!(read("$.a", "{}").unwrap_err(), "No results for path: $['a']");
        assert_eq!(read("$.a.b", "{}").unwrap_err(), "Missing property in path $['a']");
        assert_eq!(read("$.a[5]", r#"{"a":[]}"#).unwrap_err(), "No results for path: $['a'][5]");
    }
}
