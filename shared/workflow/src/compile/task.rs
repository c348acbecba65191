//! Steps that call an activity's function.

use serde_json::{Map, Value, json};
use toss_kernel::{
    Span,
    activity::{ActivitySpec, StepOption, Wait},
};

use super::{
    Compiler, braces,
    region::{Building, state},
};
use crate::{
    expression::{self, Binding},
    model::{Escalate, OneOrMany},
    plan::Node,
};

impl Compiler<'_> {
    pub(super) fn task(
        &mut self,
        building: &mut Building<'_, '_>,
        index: usize,
        node: &Node<'_>,
    ) -> Map<String, Value> {
        let catalogue = self.catalogue;
        let mut state = state("Task", node);
        // INVARIANT: the checks refuse activities that the catalogue does not have.
        let Some(spec) = catalogue.get(node.activity()) else { return state };
        let bindings = building.bindings(index);
        let step = node.step;
        let timeout = step.timeout.or(spec.timeout);
        let with = Value::Object(step.with.clone().unwrap_or_default());
        let mut parameters = expression::lower(&with, &bindings);
        if let Some(members) = parameters.as_object_mut() {
            for option in &spec.takes {
                let value = match option {
                    StepOption::Timeout => timeout.map(|timeout| json!(timeout.as_seconds())),
                    StepOption::Escalate => step.escalate.as_ref().map(|chain| escalation(chain, &bindings)),
                };
                members.extend(value.map(|value| (option.parameter().to_owned(), value)));
            }
        }
        self.call(&mut state, spec, node.name, &parameters, timeout);
        let retry = self.retry(spec, step.retry.as_ref());
        state.insert("Retry".to_owned(), Value::Array(retry));
        self.catch(building, index, node, &mut state);
        self.leave(building, index, node, &mut state);
        state
    }

    /// What is common to every call of an activity: the context stands beside the parameters, where an author
    /// cannot write.
    pub(super) fn call(
        &mut self,
        state: &mut Map<String, Value>,
        spec: &ActivitySpec,
        step: &str,
        parameters: &Value,
        timeout: Option<Span>,
    ) {
        self.activities.insert(spec.activity_type.clone());
        let waits = spec.wait == Wait::TaskToken;
        let mut context = json!({
            "tenant": self.target.tenant,
            "workflow": self.target.name,
            "workflow_id": self.target.workflow_id,
            "version": self.target.version,
            "execution": "{% $states.context.Execution.Name %}",
            "step": step,
            "attempt": "{% $states.context.State.RetryCount %}",
            "entered": "{% $states.context.State.EnteredTime %}",
        });
        if let (true, Some(context)) = (waits, context.as_object_mut()) {
            context.insert("task_token".to_owned(), braces("$states.context.Task.Token"));
        }
        let resource = "arn:aws:states:::lambda:invoke";
        let resource = if waits { format!("{resource}.waitForTaskToken") } else { resource.to_owned() };
        state.insert("Resource".to_owned(), json!(resource));
        state.insert(
            "Arguments".to_owned(),
            json!({
                "FunctionName": format!("{}-{}", self.target.function_prefix, spec.activity_type),
                "Payload": { "context": context, "parameters": parameters },
            }),
        );
        if let Some(timeout) = timeout {
            state.insert("TimeoutSeconds".to_owned(), json!(timeout.as_seconds()));
        }
    }
}

fn escalation(chain: &OneOrMany<Escalate>, bindings: &[Binding]) -> Value {
    let one = |escalate: &Escalate| {
        json!({
            "after_seconds": escalate.after.map(Span::as_seconds),
            "to": escalate.to.as_ref().map(|to| expression::lower(&to.0, bindings)),
        })
    };
    match chain {
        OneOrMany::One(only) => one(only),
        OneOrMany::Many(chain) => Value::Array(chain.iter().map(one).collect()),
    }
}
