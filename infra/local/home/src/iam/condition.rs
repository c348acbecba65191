//! Conditions of a statement.

use super::access::Access;
use super::pattern::fits;
use super::statement::StatementError;

/// One operator applied to one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    quantifier: Option<Quantifier>,
    if_exists: bool,
    test: Test,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantifier {
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    Null,
    Text { negated: bool, like: bool, fold: bool },
    Number { negated: bool, order: Option<std::cmp::Ordering>, or_equal: bool },
}

impl Condition {
    /// Reads an operator such as `ForAllValues:StringLike` or `StringEqualsIfExists`.
    pub(super) fn new(operator: &str, key: &str, values: Vec<String>) -> Result<Self, StatementError> {
        let (quantifier, rest) = match operator.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::Any), rest),
            Some(_) => return Err(StatementError::Operator(operator.to_owned())),
            None => (None, operator),
        };
        let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
        let test = Test::named(name).ok_or_else(|| StatementError::Operator(operator.to_owned()))?;
        Ok(Self { quantifier, if_exists, test, key: key.to_owned(), values })
    }

    /// Whether the condition holds for an access.
    pub(super) fn holds(&self, access: &Access) -> bool {
        let present = access.context_values(&self.key);
        if self.test == Test::Null {
            let wanted = self.values.first().is_some_and(|value| value == "true");
            return present.is_empty() == wanted;
        }
        if present.is_empty() {
            // `ForAllValues` is true of no values at all, which is why policies pair it with `Null`.
            return self.if_exists || self.quantifier == Some(Quantifier::All) || self.test.is_negated();
        }
        let passes = |value: &String| self.test.passes(value, &self.values);
        match self.quantifier {
            Some(Quantifier::All) => present.iter().all(passes),
            Some(Quantifier::Any) | None => present.iter().any(passes),
        }
    }
}

impl Test {
    fn named(name: &str) -> Option<Self> {
        use std::cmp::Ordering::{Greater, Less};
        let text = |negated, like, fold| Some(Test::Text { negated, like, fold });
        let number = |negated, order, or_equal| Some(Test::Number { negated, order, or_equal });
        match name {
            "Null" => Some(Test::Null),
            "StringEquals" => text(false, false, false),
            "StringNotEquals" => text(true, false, false),
            "StringEqualsIgnoreCase" | "Bool" => text(false, false, true),
            "StringNotEqualsIgnoreCase" => text(true, false, true),
            "StringLike" | "ArnLike" | "ArnEquals" => text(false, true, false),
            "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => text(true, true, false),
            "NumericEquals" => number(false, None, true),
            "NumericNotEquals" => number(true, None, true),
            "NumericLessThan" => number(false, Some(Less), false),
            "NumericLessThanEquals" => number(false, Some(Less), true),
            "NumericGreaterThan" => number(false, Some(Greater), false),
            "NumericGreaterThanEquals" => number(false, Some(Greater), true),
            _ => None,
        }
    }

    fn is_negated(self) -> bool {
        matches!(self, Test::Text { negated: true, .. } | Test::Number { negated: true, .. })
    }

    fn passes(self, value: &str, allowed: &[String]) -> bool {
        match self {
            Test::Null => false,
            Test::Text { negated, like, fold } => {
                let equal = |pattern: &String| match (like, fold) {
                    (true, _) => fits(pattern, value),
                    (false, true) => pattern.eq_ignore_ascii_case(value),
                    (false, false) => pattern == value,
                };
                allowed.iter().any(equal) != negated
            }
            Test::Number { negated, order, or_equal } => {
                let compare = |bound: &String| {
                    let (value, bound) = (value.parse::<f64>().ok()?, bound.parse::<f64>().ok()?);
                    let found = value.partial_cmp(&bound)?;
                    Some(Some(found) == order || (or_equal && found.is_eq()))
                };
                allowed.iter().any(|bound| compare(bound).unwrap_or(false)) != negated
            }
        }
    }
}
