//! The fields of a Map state.

use super::{Check, INVALID, label};
use crate::program::Language;
use crate::template::expression_source;
use crate::{Diagnostic, Value};

impl Check {
    pub(super) fn map(&mut self, state: &Value, language: Language, place: &str) {
        let field = match (state.get("ItemProcessor"), state.get("Iterator")) {
            (Some(_), None) => "ItemProcessor",
            (None, Some(_)) => "Iterator",
            (Some(_), Some(_)) => {
                return self.error("Only one of the fields [ItemProcessor, Iterator] is allowed", place);
            }
            (None, None) => return self.error("These fields are required: [ItemProcessor]", place),
        };
        if let Some(processor) = state.get(field) {
            self.machine(processor, &format!("{place}/{field}"), false);
        }
        self.path(state, "ItemsPath", place);
        self.template(state, "Items", language, place);
        self.count_or_computed(state, "MaxConcurrency", 0, language, place);
        self.count_or_computed(state, "ToleratedFailureCount", 0, language, place);
        self.computed(state, "ToleratedFailurePercentage", language, place);
        let percentage = state.get("ToleratedFailurePercentage");
        let computed = |value: &Value| {
            language == Language::Jsonata
                && value.as_str().is_some_and(|text| expression_source(text).is_some())
        };
        let fits = |value: &Value| value.as_f64().is_some_and(|number| (0.0..=100.0).contains(&number));
        if percentage.is_some_and(|value| !computed(value) && !fits(value)) {
            self.error("Value must be between 0 and 100", &format!("{place}/ToleratedFailurePercentage"));
        }
        for (holder, data) in [("ItemReader", true), ("ResultWriter", false)] {
            let Some(value) = state.get(holder) else { continue };
            let place = format!("{place}/{holder}");
            if data && self.required(value, &["Resource"], &place) || value.get("Resource").is_some() {
                self.resource(value, &place);
            }
            self.template(value, "Parameters", language, &place);
            self.template(value, "Arguments", language, &place);
        }
        if let Some(batcher) = state.get("ItemBatcher") {
            self.template(batcher, "BatchInput", language, &format!("{place}/ItemBatcher"));
        }
        let problem = state.get("Label").and_then(|text| label::problem(text.as_str().unwrap_or_default()));
        if let Some(problem) = problem {
            let mut diagnostic = Diagnostic::error(INVALID, problem.clone(), format!("{place}/Label"));
            diagnostic.label_problem = Some(problem);
            self.found.push(diagnostic);
        }
    }
}
