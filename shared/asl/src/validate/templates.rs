//! Payload templates, paths and expressions.

use super::Check;
use crate::Value;
use crate::intrinsic::Intrinsic;
use crate::jsonata::Expression;
use crate::jsonpath::{JsonPath, ReferencePath};
use crate::program::Language;
use crate::template::{Template, expression_source};

impl Check {
    /// A template in the state's language.
    pub(super) fn template(&mut self, holder: &Value, field: &str, language: Language, place: &str) {
        if let Some(value) = holder.get(field) {
            self.template_value(value, language, &format!("{place}/{field}"));
        }
    }

    fn template_value(&mut self, value: &Value, language: Language, place: &str) {
        match value {
            Value::String(text) if language == Language::Jsonata => self.expression_text(text, place),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.template_value(item, language, &format!("{place}[{index}]"));
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter() {
                    match name.strip_suffix(".$") {
                        Some(bare) if language == Language::JsonPath => {
                            if members.contains_key(bare) {
                                self.error(format!("The field '{bare}' is duplicated"), place);
                            }
                            let valid =
                                member.as_str().is_some_and(|text| Template::compile_source(text).is_some());
                            if !valid {
                                let message = format!(
                                    "The value for the field '{name}' must be a valid JSONPath or a valid intrinsic \
                                     function call"
                                );
                                self.error(message, place);
                            }
                        }
                        _ => self.template_value(member, language, &format!("{place}/{name}")),
                    }
                }
            }
            _ => {}
        }
    }

    /// A text that may be an expression.
    pub(super) fn expression_text(&mut self, text: &str, place: &str) {
        match expression_source(text) {
            Some(source) => {
                if let Err(reason) = Expression::parse(source) {
                    self.error(format!("Invalid JSONata expression: {reason}"), place);
                }
            }
            None if text.starts_with("{%") || text.ends_with("%}") => {
                self.error("The JSONata expression must be surrounded by '{%' and '%}'", place);
            }
            None => {}
        }
    }

    /// `InputPath`, `OutputPath`: a path or null.
    pub(super) fn nullable_path(&mut self, holder: &Value, field: &str, place: &str) {
        if !matches!(holder.get(field), Some(Value::Null)) {
            self.path(holder, field, place);
        }
    }

    pub(super) fn path(&mut self, holder: &Value, field: &str, place: &str) {
        if let Some(value) = holder.get(field)
            && value.as_str().and_then(JsonPath::parse).is_none()
        {
            self.error("Value is not a valid JSONPath", &format!("{place}/{field}"));
        }
    }

    /// A path or a call of an intrinsic function.
    pub(super) fn path_or_function(&mut self, holder: &Value, field: &str, place: &str) {
        if let Some(value) = holder.get(field) {
            let valid = value
                .as_str()
                .is_some_and(|text| JsonPath::parse(text).is_some() || Intrinsic::parse(text).is_some());
            if !valid {
                self.error("Value is not a valid JSONPath", &format!("{place}/{field}"));
            }
        }
    }

    pub(super) fn result_path(&mut self, holder: &Value, place: &str) {
        let valid = match holder.get("ResultPath") {
            None | Some(Value::Null) => true,
            Some(value) => value.as_str().and_then(ReferencePath::parse).is_some(),
        };
        if !valid {
            self.error("Value is not a Reference Path", &format!("{place}/ResultPath"));
        }
    }
}
