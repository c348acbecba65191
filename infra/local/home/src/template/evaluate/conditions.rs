//! Conditions: which of a template's resources and values exist.

use serde_json::Value;

use super::Stack;
use crate::template::node::Node;

impl Stack<'_, '_> {
    /// Whether a named condition holds.
    pub(super) fn condition(&self, name: &str, line: usize) -> bool {
        let Some(node) = self.document.get("Conditions").and_then(|conditions| conditions.get(name)) else {
            self.report(line, format!("there is no condition {name}"));
            return false;
        };
        if !self.conditions_under_way.borrow_mut().insert(name.to_owned()) {
            self.report(line, format!("the condition {name} depends on itself"));
            return false;
        }
        let holds = self.holds(node);
        self.conditions_under_way.borrow_mut().remove(name);
        holds
    }

    /// Whether a condition's expression holds.
    pub(super) fn holds(&self, node: &Node) -> bool {
        let Some((function, argument)) = node.intrinsic() else {
            self.report(node.line, "a condition must be Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition");
            return false;
        };
        match function {
            "Condition" => argument.text().is_some_and(|name| self.condition(name, argument.line)),
            "Fn::And" => argument.elements().iter().all(|part| self.holds(part)),
            "Fn::Or" => argument.elements().iter().any(|part| self.holds(part)),
            "Fn::Not" => argument.elements().first().is_some_and(|part| !self.holds(part)),
            "Fn::Equals" => match argument.elements() {
                [left, right] => comparable(self.value(left)) == comparable(self.value(right)),
                _ => {
                    self.report(argument.line, "Fn::Equals takes two values");
                    false
                }
            },
            other => {
                self.report(node.line, format!("{other} is not a function for conditions"));
                false
            }
        }
    }
}

/// CloudFormation compares scalars as text: a parameter `true` equals the word "true".
fn comparable(value: Option<Value>) -> Option<Value> {
    value.map(|value| match value {
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    })
}
