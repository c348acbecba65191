//! The fields of each type of state.

use super::{Check, MISSING_TARGET, MachineType};
use crate::program::Language;
use crate::resource::Pattern;
use crate::template::expression_source;
use crate::{Diagnostic, Object, TaskResource, Timestamp, Value};

const ANY: [&str; 3] = ["Type", "Comment", "QueryLanguage"];
const JSONPATH_DATA: [&str; 2] = ["InputPath", "OutputPath"];

impl Check {
    pub(super) fn state(&mut self, state: &Value, siblings: &Object, place: &str) {
        let Some(kind) = state.get("Type").and_then(Value::as_str) else {
            if state.as_object().is_none() {
                return self.error("Expected value of type Object", place);
            }
            return self.error("These fields are required: [Type]", place);
        };
        let language = self.state_language(state, place);
        let Some((plain, jsonpath, jsonata)) = fields_of(kind) else {
            let kinds = "Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map";
            return self.error(
                format!("The field 'Type' should have one of these values: [{kinds}]"),
                &format!("{place}/Type"),
            );
        };
        let mut allowed = [&ANY[..], plain].concat();
        if !matches!(kind, "Choice" | "Succeed" | "Fail") {
            allowed.extend(["Next", "End"]);
        }
        if language == Language::Jsonata {
            allowed.extend(jsonata);
        } else {
            allowed.extend(jsonpath);
            if kind != "Fail" {
                allowed.extend(JSONPATH_DATA);
            }
        }
        self.only(state, &allowed, place);
        if !matches!(kind, "Choice" | "Succeed" | "Fail") {
            self.transition(state, siblings, place);
        }
        self.shared(state, language, place);
        self.handlers(state, siblings, language, place);
        match kind {
            "Task" => self.task(state, language, place),
            "Choice" => self.choice(state, siblings, language, place),
            "Wait" => self.wait(state, language, place),
            "Fail" => self.fail(state, language, place),
            "Parallel" => self.parallel(state, place),
            "Map" => self.map(state, language, place),
            _ => {}
        }
    }

    fn state_language(&mut self, state: &Value, place: &str) -> Language {
        match state.get("QueryLanguage").and_then(Value::as_str) {
            Some("JSONPath") if self.language == Language::Jsonata => {
                self.error(
                    "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                    place,
                );
                Language::JsonPath
            }
            Some("JSONPath") => Language::JsonPath,
            Some("JSONata") => Language::Jsonata,
            _ => self.language,
        }
    }

    fn transition(&mut self, state: &Value, siblings: &Object, place: &str) {
        let ends = state.get("End").is_some_and(|end| *end == Value::Bool(true));
        match (state.get("Next"), ends) {
            (Some(_), true) => self.error("Only one of the fields [Next, End] is allowed", place),
            (None, false) => self.error("One of the fields [Next, End] is required", place),
            (Some(_), false) => self.target(state, "Next", siblings, place),
            (None, true) => {}
        }
    }

    pub(super) fn target(&mut self, holder: &Value, field: &str, siblings: &Object, place: &str) {
        let Some(name) = holder.get(field).and_then(Value::as_str) else {
            return self.error(format!("These fields are required: [{field}]"), place);
        };
        if !siblings.contains_key(name) {
            let message = format!("Missing '{field}' target: {name}");
            self.found.push(Diagnostic::error(MISSING_TARGET, message, format!("{place}/{field}")));
        }
    }

    fn shared(&mut self, state: &Value, language: Language, place: &str) {
        self.nullable_path(state, "InputPath", place);
        self.nullable_path(state, "OutputPath", place);
        self.result_path(state, place);
        for field in ["Parameters", "ResultSelector", "Assign", "Arguments", "Output", "ItemSelector"] {
            self.template(state, field, language, place);
        }
        if state.get("Assign").is_some_and(|assign| assign.as_object().is_none()) {
            self.error("Expected value of type Object", &format!("{place}/Assign"));
        }
    }

    fn handlers(&mut self, state: &Value, siblings: &Object, language: Language, place: &str) {
        let list = |field: &str| state.get(field).and_then(Value::as_array).unwrap_or_default();
        let retriers = list("Retry");
        for (index, retrier) in retriers.iter().enumerate() {
            let place = format!("{place}/Retry[{index}]");
            const FIELDS: [&str; 7] = [
                "ErrorEquals",
                "IntervalSeconds",
                "MaxAttempts",
                "BackoffRate",
                "MaxDelaySeconds",
                "JitterStrategy",
                "Comment",
            ];
            self.only(retrier, &FIELDS, &place);
            self.error_names(retrier, index + 1 == retriers.len(), &place);
            self.count(retrier, "IntervalSeconds", 1, &place);
            self.count(retrier, "MaxAttempts", 0, &place);
            self.count(retrier, "MaxDelaySeconds", 1, &place);
            if retrier.get("BackoffRate").is_some_and(|rate| !rate.as_f64().is_some_and(|rate| rate >= 1.0)) {
                self.error("Value must be greater than or equal to 1.0", &format!("{place}/BackoffRate"));
            }
            let jitter = retrier.get("JitterStrategy").map(Value::as_str);
            if jitter.is_some_and(|jitter| !matches!(jitter, Some("FULL" | "NONE"))) {
                self.error(
                    "Value is not one of the allowed values: [FULL, NONE]",
                    &format!("{place}/JitterStrategy"),
                );
            }
        }
        let catchers = list("Catch");
        for (index, catcher) in catchers.iter().enumerate() {
            let place = format!("{place}/Catch[{index}]");
            let data = if language == Language::Jsonata { "Output" } else { "ResultPath" };
            self.only(catcher, &["ErrorEquals", "Next", "Comment", "Assign", data], &place);
            self.error_names(catcher, index + 1 == catchers.len(), &place);
            self.target(catcher, "Next", siblings, &place);
            self.result_path(catcher, &place);
            self.template(catcher, "Assign", language, &place);
            self.template(catcher, "Output", language, &place);
        }
    }

    fn task(&mut self, state: &Value, language: Language, place: &str) {
        if !self.required(state, &["Resource"], place) {
            return;
        }
        self.resource(state, place);
        self.count_or_computed(state, "TimeoutSeconds", 1, language, place);
        self.count_or_computed(state, "HeartbeatSeconds", 1, language, place);
        let number = |field: &str| state.get(field).and_then(Value::as_i64);
        if let (Some(timeout), Some(heartbeat)) = (number("TimeoutSeconds"), number("HeartbeatSeconds"))
            && heartbeat >= timeout
        {
            self.error(
                "HeartbeatSeconds must be smaller than TimeoutSeconds",
                &format!("{place}/HeartbeatSeconds"),
            );
        }
        if let Some(credentials) = state.get("Credentials") {
            let place = format!("{place}/Credentials");
            let named = credentials.get("RoleArn").is_some() || credentials.get("RoleArn.$").is_some();
            if credentials.as_object().is_none() {
                self.error("Expected value of type Object", &place);
            } else if !named && !self.options.any_resource {
                self.error("The field 'RoleArn' is required but was missing", &place);
            }
            self.template(state, "Credentials", language, place.trim_end_matches("/Credentials"));
        }
    }

    pub(super) fn resource(&mut self, holder: &Value, place: &str) {
        let place = format!("{place}/Resource");
        let Some(arn) = holder.get("Resource").and_then(Value::as_str) else {
            return self.error("Expected value of type String", &place);
        };
        let substituted = arn.starts_with("${") && arn.contains('}');
        let resource = TaskResource::parse(arn).filter(|_| !arn.starts_with("${"));
        let Some(resource) = resource else {
            let any = self.options.any_resource && arn.contains(':') && !arn.starts_with("${");
            if !substituted && !any {
                self.error("Value is not a valid resource ARN", &place);
            }
            return;
        };
        if self.options.machine_type == MachineType::Express {
            let pattern = match resource.pattern() {
                Pattern::RequestResponse => return,
                Pattern::Sync | Pattern::Sync2 => ".sync",
                Pattern::WaitForTaskToken => ".waitForTaskToken",
            };
            self.error(
                format!("Express state machine does not support '{pattern}' service integration "),
                &place,
            );
        }
    }

    fn wait(&mut self, state: &Value, language: Language, place: &str) {
        self.exactly_one(state, &["Seconds", "SecondsPath", "Timestamp", "TimestampPath"], place);
        self.count_or_computed(state, "Seconds", 0, language, place);
        self.computed(state, "Timestamp", language, place);
        if let Some(timestamp) = state.get("Timestamp") {
            let text = timestamp.as_str().unwrap_or_default();
            let computed = language == Language::Jsonata && expression_source(text).is_some();
            let place = format!("{place}/Timestamp");
            if computed {
                self.expression_text(text, &place);
            } else if Timestamp::parse(text).is_none() {
                self.error("String does not match RFC3339 timestamp", &place);
            }
        }
    }

    fn fail(&mut self, state: &Value, language: Language, place: &str) {
        for field in ["Error", "Cause"] {
            let path_field = format!("{field}Path");
            self.at_most_one(state, &[field, &path_field], place);
            self.text(state, field, place);
            if language == Language::Jsonata {
                self.template(state, field, language, place);
            } else {
                self.path_or_function(state, &path_field, place);
            }
        }
    }

    fn parallel(&mut self, state: &Value, place: &str) {
        let Some(branches) = state.get("Branches").and_then(Value::as_array) else {
            return self.error("These fields are required: [Branches]", place);
        };
        if branches.is_empty() {
            self.error("Value cannot be empty", &format!("{place}/Branches"));
        }
        for (index, branch) in branches.iter().enumerate() {
            self.machine(branch, &format!("{place}/Branches[{index}]"), false);
        }
    }
}

/// The fields of a type of state: in both query languages, in JSONPath alone, in JSONata alone.
type Fields = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

fn fields_of(kind: &str) -> Option<Fields> {
    Some(match kind {
        "Task" => (
            &["Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials", "Retry", "Catch", "Assign"],
            &["Parameters", "ResultSelector", "ResultPath", "TimeoutSecondsPath", "HeartbeatSecondsPath"],
            &["Arguments", "Output"],
        ),
        "Pass" => (&["Assign"], &["Parameters", "ResultPath", "Result"], &["Output"]),
        "Choice" => (&["Choices", "Default", "Assign"], &[], &["Output"]),
        "Wait" => (&["Seconds", "Timestamp", "Assign"], &["SecondsPath", "TimestampPath"], &["Output"]),
        "Succeed" => (&[], &[], &["Output"]),
        "Fail" => (&["Error", "Cause"], &["ErrorPath", "CausePath"], &[]),
        "Parallel" => (
            &["Branches", "Retry", "Catch", "Assign"],
            &["Parameters", "ResultSelector", "ResultPath"],
            &["Arguments", "Output"],
        ),
        "Map" => (
            &[
                "ItemProcessor",
                "Iterator",
                "ItemSelector",
                "ItemReader",
                "ItemBatcher",
                "ResultWriter",
                "MaxConcurrency",
                "ToleratedFailureCount",
                "ToleratedFailurePercentage",
                "Label",
                "Retry",
                "Catch",
                "Assign",
            ],
            &[
                "ItemsPath",
                "Parameters",
                "ResultSelector",
                "ResultPath",
                "MaxConcurrencyPath",
                "ToleratedFailureCountPath",
                "ToleratedFailurePercentagePath",
            ],
            &["Items", "Output"],
        ),
        _ => return None,
    })
}
