//! The rules of a Choice state.

use super::Check;
use crate::program::Language;
use crate::{Object, Timestamp, Value};

impl Check {
    pub(super) fn choice(&mut self, state: &Value, siblings: &Object, language: Language, place: &str) {
        if state.get("Default").is_some() {
            self.target(state, "Default", siblings, place);
        }
        let Some(rules) = state.get("Choices").and_then(Value::as_array) else {
            return self.error("These fields are required: [Choices]", place);
        };
        if rules.is_empty() {
            self.error("Value cannot be empty", &format!("{place}/Choices"));
        }
        for (index, rule) in rules.iter().enumerate() {
            let place = format!("{place}/Choices[{index}]");
            self.target(rule, "Next", siblings, &place);
            self.template(rule, "Assign", language, &place);
            if language == Language::Jsonata {
                self.only(rule, &["Condition", "Next", "Comment", "Assign", "Output"], &place);
                self.required(rule, &["Condition"], &place);
                self.template(rule, "Condition", language, &place);
                self.template(rule, "Output", language, &place);
            } else {
                self.rule(rule, true, &place);
            }
        }
    }

    fn rule(&mut self, rule: &Value, top: bool, place: &str) {
        let Some(members) = rule.as_object() else {
            return self.error("Expected value of type Object", place);
        };
        let extra: &[&str] = if top { &["Next", "Comment", "Assign"] } else { &["Comment"] };
        let operators: Vec<&str> = members
            .keys()
            .map(|name| &**name)
            .filter(|name| !extra.contains(name) && *name != "Variable")
            .collect();
        let [operator] = operators.as_slice() else {
            return self.error("A Choice rule must have exactly one comparison operator", place);
        };
        let operand = members.get(*operator).unwrap_or(&Value::Null);
        let inner_place = format!("{place}/{operator}");
        match *operator {
            "And" | "Or" => match operand.as_array() {
                Some(rules) if !rules.is_empty() => {
                    for (index, rule) in rules.iter().enumerate() {
                        self.rule(rule, false, &format!("{inner_place}[{index}]"));
                    }
                }
                _ => self.error("Value cannot be empty", &inner_place),
            },
            "Not" => self.rule(operand, false, &inner_place),
            name => {
                if self.required(rule, &["Variable"], place) {
                    self.path(rule, "Variable", place);
                }
                self.operand(name, operand, &inner_place);
            }
        }
    }

    fn operand(&mut self, operator: &str, operand: &Value, place: &str) {
        if operator.starts_with("Is") {
            let known = ["IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"]
                .contains(&operator);
            return match (known, operand.as_bool()) {
                (true, Some(_)) => {}
                (true, None) => self.error("Expected value of type Boolean", place),
                (false, _) => self.error("Field is not supported", place),
            };
        }
        let (kind, relation) = ["String", "Numeric", "Boolean", "Timestamp"]
            .into_iter()
            .find_map(|kind| operator.strip_prefix(kind).map(|relation| (kind, relation)))
            .unwrap_or(("", ""));
        let bare = relation.strip_suffix("Path").unwrap_or(relation);
        let known = match bare {
            "Equals" => true,
            "Matches" => kind == "String" && relation == "Matches",
            "LessThan" | "GreaterThan" | "LessThanEquals" | "GreaterThanEquals" => kind != "Boolean",
            _ => false,
        };
        if !known || kind.is_empty() {
            return self.error("Field is not supported", place);
        }
        if relation.ends_with("Path") {
            if operand.as_str().and_then(crate::jsonpath::JsonPath::parse).is_none() {
                self.error("Value is not a valid JSONPath", place);
            }
            return;
        }
        match (kind, operand) {
            ("String", Value::String(_)) | ("Numeric", Value::Number(_)) | ("Boolean", Value::Bool(_)) => {}
            ("Timestamp", Value::String(text)) if Timestamp::parse(text).is_some() => {}
            ("Timestamp", _) => self.error("String does not match RFC3339 timestamp", place),
            _ => self.error(format!("Expected value of type {kind}"), place),
        }
    }
}
