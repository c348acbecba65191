//! Fields of a kind: names, numbers, choices of one.

use super::Check;
use crate::Value;
use crate::program::Language;
use crate::template::expression_source;

impl Check {
    /// No other fields than these.
    pub(super) fn only(&mut self, holder: &Value, allowed: &[&str], place: &str) {
        let unknown = holder.as_object().into_iter().flatten().map(|(name, _)| name);
        let unknown: Vec<String> =
            unknown.filter(|name| !allowed.contains(&&***name)).map(ToString::to_string).collect();
        for name in unknown {
            self.error("Field is not supported", &format!("{place}/{name}"));
        }
    }

    pub(super) fn required(&mut self, holder: &Value, fields: &[&str], place: &str) -> bool {
        let missing: Vec<&str> = fields.iter().copied().filter(|field| holder.get(field).is_none()).collect();
        if !missing.is_empty() {
            self.error(format!("These fields are required: [{}]", missing.join(", ")), place);
        }
        missing.is_empty()
    }

    pub(super) fn at_most_one(&mut self, holder: &Value, fields: &[&str], place: &str) {
        if fields.iter().filter(|field| holder.get(field).is_some()).count() > 1 {
            self.error(format!("Only one of the fields [{}] is allowed", fields.join(", ")), place);
        }
    }

    pub(super) fn exactly_one(&mut self, holder: &Value, fields: &[&str], place: &str) {
        if fields.iter().filter(|field| holder.get(field).is_some()).count() != 1 {
            self.error(format!("Exactly one of the fields [{}] is required", fields.join(", ")), place);
        }
    }

    pub(super) fn text(&mut self, holder: &Value, field: &str, place: &str) {
        if holder.get(field).is_some_and(|value| value.as_str().is_none()) {
            self.error("Expected value of type String", &format!("{place}/{field}"));
        }
    }

    /// A whole number that is at least `least`.
    pub(super) fn count(&mut self, holder: &Value, field: &str, least: i64, place: &str) {
        if let Some(value) = holder.get(field) {
            let place = format!("{place}/{field}");
            match value.as_i64() {
                Some(number) if number >= least => {}
                Some(_) => self.error(format!("Value must be greater than or equal to {least}"), &place),
                None => self.error("Expected value of type Integer", &place),
            }
        }
    }

    /// A whole number, an expression of JSONata, or a path in the field with `Path` at its end.
    pub(super) fn count_or_computed(
        &mut self,
        holder: &Value,
        field: &str,
        least: i64,
        language: Language,
        place: &str,
    ) {
        if let Some(text) = holder.get(field).and_then(Value::as_str)
            && language == Language::Jsonata
            && expression_source(text).is_some()
        {
            return self.expression_text(text, &format!("{place}/{field}"));
        }
        self.count(holder, field, least, place);
        self.computed(holder, field, language, place);
    }

    /// The field with `Path` at its end.
    pub(super) fn computed(&mut self, holder: &Value, field: &str, language: Language, place: &str) {
        let path_field = format!("{field}Path");
        if holder.get(&path_field).is_none() {
            return;
        }
        if language == Language::Jsonata {
            return self.error("Field is not supported", &format!("{place}/{path_field}"));
        }
        self.at_most_one(holder, &[field, &path_field], place);
        self.path(holder, &path_field, place);
    }

    /// A list of error names.
    pub(super) fn error_names(&mut self, holder: &Value, last: bool, place: &str) {
        let place = format!("{place}/ErrorEquals");
        let Some(names) = holder.get("ErrorEquals").and_then(Value::as_array) else {
            return self
                .error("These fields are required: [ErrorEquals]", place.trim_end_matches("/ErrorEquals"));
        };
        if names.is_empty() {
            return self.error("Value cannot be empty", &place);
        }
        let names: Vec<Option<&str>> = names.iter().map(Value::as_str).collect();
        if names.contains(&None) {
            return self.error("Expected value of type String", &place);
        }
        if names.contains(&Some("States.ALL")) && (names.len() > 1 || !last) {
            self.error("States.ALL must appear alone and at end of list", &place);
        }
    }
}
