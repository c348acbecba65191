//! Parameters against the activity's own schema. Values with expressions are known only at run time.

use serde_json::Value;
use toss_kernel::activity::{ActivitySpec, Wait};

use super::{
    Checker,
    shape::{self, Member},
    steps::may_compensate,
};
use crate::{
    model::Step,
    plan::{Kind, Node},
    problem::Pointer,
};

impl Checker<'_> {
    pub(super) fn parameters(&mut self, node: &Node<'_>) {
        if !matches!(node.kind, Kind::Task) {
            return;
        }
        if let Some(spec) = self.catalogue.get(node.activity()) {
            self.compare(spec, node.step.with.as_ref(), &node.pointer);
            self.escalation(node.step, spec, &node.pointer);
        }
        if let Some(compensate) = &node.step.compensate {
            let pointer = node.pointer.join("compensate");
            let Some(name) = &compensate.activity else { return };
            match self.catalogue.get(name) {
                Some(spec) if may_compensate(spec.wait) => {
                    self.compare(spec, compensate.with.as_ref(), &pointer);
                }
                Some(_) => {
                    let message =
                        format!("'{name}' cannot undo a step: only activities that answer at once can");
                    self.add(&pointer.join("activity"), "bad-compensation", message);
                }
                None => {
                    let message = format!("there is no activity '{name}'");
                    self.add(&pointer.join("activity"), "unknown-activity", message);
                }
            }
        }
    }

    fn compare(
        &mut self,
        spec: &ActivitySpec,
        with: Option<&serde_json::Map<String, Value>>,
        step: &Pointer,
    ) {
        if spec.wait == Wait::Native {
            return;
        }
        let pointer = step.join("with");
        let value = Value::Object(with.cloned().unwrap_or_default());
        let mut schema = spec.parameters.clone();
        for option in &spec.takes {
            let name = option.parameter();
            if value.get(name).is_some() {
                let key = name.trim_end_matches("_seconds");
                let message = format!("write '{key}' at the step, beside 'with'");
                self.add(&pointer.join(name), "reserved-parameter", message);
            }
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut)
                && value.get(name).is_none()
            {
                properties.shift_remove(name);
            }
        }
        let base = if with.is_some() { &pointer } else { step };
        for difference in shape::differences(&schema, &value, &pointer, Member::Parameter) {
            let place = if difference.pointer == pointer { base } else { &difference.pointer };
            let message = format!("{}: {}", spec.activity_type, difference.message);
            self.add(place, difference.code, message);
        }
    }

    fn escalation(&mut self, step: &Step, spec: &ActivitySpec, pointer: &Pointer) {
        let limit = step.timeout.or(spec.timeout);
        for escalate in step.escalate.iter().flat_map(crate::model::OneOrMany::as_slice) {
            if let (Some(after), Some(limit)) = (escalate.after, limit)
                && after >= limit
            {
                let message = format!(
                    "the step ends after {limit}, before it escalates after {after}; lengthen 'timeout'"
                );
                self.add(&pointer.join("escalate"), "late-escalation", message);
            }
        }
    }
}
