//! Each step by itself: an activity that exists, and the keys that belong to it.

use toss_kernel::activity::{StepOption, Wait};

use super::{Checker, suggest};
use crate::{
    catalogue::Catalogue,
    expression::{Piece, pieces},
    model::Step,
    plan::{Kind, Node},
    problem::Pointer,
};

impl Checker<'_> {
    pub(super) fn step(&mut self, node: &Node<'_>) {
        let step = node.step;
        let pointer = &node.pointer;
        match (&step.activity, &step.fail) {
            (Some(_), Some(_)) => {
                self.add(&pointer.join("fail"), "conflict", "a step has an activity or it fails; remove one");
            }
            (None, None) => {
                self.add(
                    pointer,
                    "missing-key",
                    "a step needs 'activity', or 'fail' to end the workflow as failed",
                );
            }
            (Some(name), None) => self.activity(name, &pointer.join("activity")),
            (None, Some(_)) => {}
        }
        if step.next.is_some() && step.end == Some(true) {
            self.add(&pointer.join("end"), "conflict", "a step goes on to 'next' or it ends; remove one");
        }
        for (at, case) in step.cases.iter().flatten().enumerate() {
            self.one_way(
                &pointer.join("cases").join(at),
                case.next.is_some(),
                case.end,
                case.output.is_some(),
            );
        }
        for (at, catch) in step.catch.iter().flatten().enumerate() {
            self.one_way(
                &pointer.join("catch").join(at),
                catch.next.is_some(),
                catch.end,
                catch.output.is_some(),
            );
        }
        if step.output.is_some()
            && step.end != Some(true)
            && !matches!(node.kind, Kind::Conditional | Kind::Fail)
        {
            let message = "'output' says what an ending answers; add 'end: true', or remove it";
            self.add(&pointer.join("output"), "not-applicable", message);
        }
        self.applicable(node);
        self.required(node);
    }

    fn one_way(&mut self, pointer: &Pointer, next: bool, end: Option<bool>, output: bool) {
        if next && end == Some(true) {
            self.add(&pointer.join("end"), "conflict", "it goes on to 'next' or it ends; remove one");
        } else if output && end != Some(true) {
            self.add(
                &pointer.join("output"),
                "not-applicable",
                "'output' says what an ending answers; add 'end: true'",
            );
        }
    }

    fn activity(&mut self, name: &str, pointer: &Pointer) {
        if self.catalogue.get(name).is_some() {
            return;
        }
        let hint = suggest::nearest(name, self.catalogue.names()).map_or_else(
            || format!("known are {}", self.catalogue.names().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean '{near}'?"),
        );
        self.add(pointer, "unknown-activity", format!("there is no activity '{name}'; {hint}"));
    }

    fn applicable(&mut self, node: &Node<'_>) {
        if node.step.activity.is_none() && node.step.fail.is_none() {
            return;
        }
        let (what, permitted) = permitted(node, self.catalogue);
        for key in written(node.step) {
            if !permitted.contains(&key) {
                let message = format!("'{key}' means nothing for {what}; it takes {}", permitted.join(", "));
                self.add(&node.pointer.join(key), "not-applicable", message);
            }
        }
    }

    fn required(&mut self, node: &Node<'_>) {
        let step = node.step;
        let pointer = &node.pointer;
        match &node.kind {
            Kind::Conditional => {
                if step.cases.as_ref().is_none_or(Vec::is_empty) {
                    self.add(pointer, "missing-key", "a Conditional needs 'cases'");
                }
                for (at, case) in step.cases.iter().flatten().enumerate() {
                    self.expression(case.when.as_deref(), &pointer.join("cases").join(at).join("when"));
                }
            }
            Kind::Map(_) => {
                if step.items.is_none() {
                    self.add(pointer, "missing-key", "a Loop needs 'items' to go through, or 'while'");
                }
                self.has_steps(node);
            }
            Kind::While => {
                self.expression(step.condition.as_deref(), &pointer.join("while"));
                self.has_steps(node);
            }
            Kind::Parallel(branches) => {
                if branches.is_empty() {
                    self.add(pointer, "missing-key", "a Parallel needs 'branches'");
                }
            }
            Kind::Delay => self.delay(step, pointer),
            Kind::Task | Kind::Fail => {}
        }
    }

    fn has_steps(&mut self, node: &Node<'_>) {
        if node.step.steps.is_none() {
            self.add(&node.pointer, "missing-key", "a Loop needs 'steps', the steps of one round");
        }
    }

    fn delay(&mut self, step: &Step, pointer: &Pointer) {
        match (&step.duration, &step.until) {
            (None, None) => self.add(pointer, "missing-key", "a Delay needs 'for' or 'until'"),
            (Some(_), Some(_)) => {
                self.add(&pointer.join("until"), "conflict", "a Delay has 'for' or 'until'; remove one");
            }
            (None, Some(until)) => {
                let literal = matches!(pieces(until).as_slice(), [Piece::Literal(_)] | []);
                if literal && !is_utc_time(until) {
                    let message =
                        "'until' is an RFC 3339 time in UTC such as '2030-01-31T12:00:00Z', or an expression";
                    self.add(&pointer.join("until"), "bad-time", message);
                }
            }
            (Some(_), None) => {}
        }
    }

    /// A condition must be one expression from end to end.
    fn expression(&mut self, text: Option<&str>, pointer: &Pointer) {
        let Some(text) = text else { return };
        if !matches!(pieces(text.trim()).as_slice(), [Piece::Expression(_)]) {
            let message = "a condition is an expression from end to end: '{% $input.amount > 1000 %}'";
            self.add(pointer, "not-an-expression", message);
        }
    }
}

/// `YYYY-MM-DDTHH:MM:SS[.fff]Z`, as Step Functions takes it.
fn is_utc_time(text: &str) -> bool {
    let number =
        |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u32>().ok());
    let shape = text.len() >= 20
        && text.char_indices().take(19).all(|(index, c)| match index {
            4 | 7 => c == '-',
            10 => c == 'T',
            13 | 16 => c == ':',
            _ => c.is_ascii_digit(),
        });
    let fraction = text.get(19..).and_then(|rest| rest.strip_suffix('Z'));
    shape
        && fraction.is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix('.').is_some_and(|digits| {
                    (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
                })
        })
        && number(5..7).is_some_and(|month| (1..=12).contains(&month))
        && number(8..10).is_some_and(|day| (1..=31).contains(&day))
        && number(11..13).is_some_and(|hour| hour < 24)
        && number(14..16).is_some_and(|minute| minute < 60)
        && number(17..19).is_some_and(|second| second < 60)
}

/// What a step is called in messages, and the keys it takes beside `activity`, `title` and `description`.
fn permitted(node: &Node<'_>, catalogue: &Catalogue) -> (String, Vec<&'static str>) {
    let keys: &[&'static str] = match &node.kind {
        Kind::Fail => &["fail"],
        Kind::Conditional => &["cases", "otherwise"],
        Kind::Delay => &["for", "until", "next", "end", "output"],
        Kind::Map(_) => &["items", "as", "concurrency", "steps", "next", "end", "output", "catch", "retry"],
        Kind::While => &["while", "max", "steps", "next", "end", "output"],
        Kind::Parallel(_) => &["branches", "next", "end", "output", "catch", "retry"],
        Kind::Task => &["with", "next", "end", "output", "catch", "retry", "timeout", "compensate"],
    };
    let mut keys = keys.to_vec();
    let spec = catalogue.get(node.activity());
    if spec.is_none_or(|spec| spec.takes.contains(&StepOption::Escalate)) && matches!(node.kind, Kind::Task) {
        keys.push("escalate");
    }
    let what = match &node.kind {
        Kind::Fail => "a failed ending".to_owned(),
        Kind::Map(_) => "a Loop over items".to_owned(),
        Kind::While => "a Loop with 'while'".to_owned(),
        _ => spec.map_or_else(|| node.activity().to_owned(), |spec| spec.activity_type.clone()),
    };
    (what, keys)
}

/// The keys that a step has, beside those that every step may have.
fn written(step: &Step) -> Vec<&'static str> {
    let keys = [
        ("fail", step.fail.is_some()),
        ("with", step.with.is_some()),
        ("cases", step.cases.is_some()),
        ("otherwise", step.otherwise.is_some()),
        ("items", step.items.is_some()),
        ("as", step.item_name.is_some()),
        ("concurrency", step.concurrency.is_some()),
        ("while", step.condition.is_some()),
        ("max", step.max.is_some()),
        ("steps", step.steps.is_some()),
        ("branches", step.branches.is_some()),
        ("for", step.duration.is_some()),
        ("until", step.until.is_some()),
        ("next", step.next.is_some()),
        ("end", step.end.is_some()),
        ("output", step.output.is_some()),
        ("catch", step.catch.is_some()),
        ("retry", step.retry.is_some()),
        ("timeout", step.timeout.is_some()),
        ("compensate", step.compensate.is_some()),
        ("escalate", step.escalate.is_some()),
    ];
    keys.into_iter().filter_map(|(key, is_written)| is_written.then_some(key)).collect()
}

/// Whether a compensation may call this: something that answers, not a person and not a native state.
pub(super) fn may_compensate(wait: Wait) -> bool {
    wait == Wait::RequestResponse
}
