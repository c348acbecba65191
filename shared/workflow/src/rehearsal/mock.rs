//! What the mocked activities answer.

use std::collections::HashMap;

use serde_json::{Map, Value};
use toss_kernel::Span;

use crate::{catalogue::Catalogue, errors::Raised};

/// An answer.
pub(super) enum Answer {
    Result(Value),
    Error { error: String, cause: String },
    Never,
}

/// The answers by step, and how many were given.
pub(super) struct Mocks {
    answers: Map<String, Value>,
    given: HashMap<String, usize>,
}

impl Mocks {
    pub(super) fn new(answers: &Map<String, Value>) -> Self {
        Self { answers: answers.clone(), given: HashMap::new() }
    }

    /// The next answer of a step, and after how many milliseconds it comes.
    pub(super) fn next(&mut self, step: &str, activity: &str, catalogue: &Catalogue) -> (i64, Answer) {
        let given = self.given.entry(step.to_owned()).or_default();
        let at = *given;
        *given += 1;
        let answer = match self.answers.get(step) {
            Some(Value::Array(answers)) => answers.get(at).or(answers.last()),
            other => other,
        };
        match answer {
            Some(answer) => read(answer, activity, catalogue),
            None if step.starts_with("Undo ") => (0, Answer::Result(Value::Object(Map::new()))),
            None => {
                let error = "Rehearsal.NoMock".to_owned();
                let cause = format!("the mocks say nothing about '{step}'; add '{step}: <its result>'");
                (0, Answer::Error { error, cause })
            }
        }
    }
}

fn read(answer: &Value, activity: &str, catalogue: &Catalogue) -> (i64, Answer) {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    let only = |keys: &[&str]| {
        answer.as_object().is_some_and(|members| members.keys().all(|key| keys.contains(&key.as_str())))
    };
    let after = text("after")
        .and_then(|span| span.parse::<Span>().ok())
        .map_or(0, |span| i64::try_from(span.as_seconds()).unwrap_or(i64::MAX / 1000) * 1000);
    if only(&["never"]) && answer.get("never") == Some(&Value::Bool(true)) {
        return (after, Answer::Never);
    }
    if let (Some(error), true) = (text("error"), only(&["error", "cause", "after"])) {
        let error = catalogue
            .get(activity)
            .and_then(|spec| Raised::by_activity(spec).expand(error).first().cloned())
            .unwrap_or_else(|| error.to_owned());
        return (after, Answer::Error { error, cause: text("cause").unwrap_or_default().to_owned() });
    }
    match answer.get("result") {
        Some(result) if only(&["result", "after"]) => (after, Answer::Result(result.clone())),
        _ => (0, Answer::Result(answer.clone())),
    }
}
