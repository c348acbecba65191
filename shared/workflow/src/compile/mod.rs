//! From a definition to a state machine of the Amazon States Language, deterministic to the byte.
//!
//! AWS bills each transition, so a state is written only where something happens: results, errors and the
//! input are bound by the states that are there anyway, endings carry the output, and a failed ending is a
//! state of its own only where nothing has to be undone first.

mod choice;
mod edge;
mod mode;
mod names;
mod region;
mod retry;
mod task;
mod undo;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    catalogue::Catalogue,
    check,
    expression::{self, Binding},
    model::{Definition, OneOrMany, Step},
    plan::{self, Node, Region},
    read::Document,
    target::{CompileError, CompileTarget, Compiled},
};

/// Compiles a definition for one tenant.
///
/// # Errors
/// [`CompileError`] with what [`check()`](crate::check()) says, when it says anything.
pub fn compile(
    document: &Document,
    catalogue: &Catalogue,
    target: &CompileTarget,
) -> Result<Compiled, CompileError> {
    let (definition, problems) = check::examine(document, catalogue);
    if !problems.is_empty() {
        return Err(CompileError { problems });
    }
    let root = plan::build(&definition, &mut Vec::new());
    let mut compiler = Compiler::new(&definition, catalogue, target, &root);
    let machine = compiler.region(&root, &[]);
    let (mode, reason) = mode::choose(&definition, &root, catalogue);
    let mut asl = Map::new();
    asl.insert("Comment".to_owned(), json!(format!("{} version {}", target.name, target.version)));
    asl.insert("QueryLanguage".to_owned(), json!("JSONata"));
    if let Some(timeout) = definition.timeout {
        asl.insert("TimeoutSeconds".to_owned(), json!(timeout.as_seconds()));
    }
    asl.extend(machine);
    Ok(Compiled {
        asl: Value::Object(asl),
        mode,
        reason,
        input_schema: definition.input.clone().map(Value::Object),
        activities: compiler.activities.into_iter().collect(),
        states: compiler.states,
    })
}

struct Compiler<'c> {
    definition: &'c Definition,
    catalogue: &'c Catalogue,
    target: &'c CompileTarget,
    /// The variables that some expression reads after the step that sets them. A result that nobody reads is
    /// not stored.
    reads: BTreeSet<String>,
    activities: BTreeSet<String>,
    states: Vec<(String, String)>,
    regions: usize,
}

impl<'c> Compiler<'c> {
    fn new(
        definition: &'c Definition,
        catalogue: &'c Catalogue,
        target: &'c CompileTarget,
        root: &Region<'_>,
    ) -> Self {
        let mut reads = BTreeSet::new();
        for node in root.all_nodes() {
            reads.extend(read_by(node));
        }
        if let Some(output) = &definition.output {
            expression::variables(output, &mut reads);
        }
        Self {
            definition,
            catalogue,
            target,
            reads,
            activities: BTreeSet::new(),
            states: Vec::new(),
            regions: 0,
        }
    }
}

/// The variables that a step reads, without those that it sets itself before reading them.
fn read_by(node: &Node<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let step = node.step;
    let mut own = BTreeSet::new();
    let text = |text: &Option<String>| text.clone().map(Value::String);
    let object = |members: &Option<Map<String, Value>>| members.clone().map(Value::Object);
    let values = [
        object(&step.with),
        text(&step.condition),
        text(&step.until),
        step.duration.as_ref().map(|duration| Value::String(duration.0.clone())),
        step.items.as_ref().map(|items| items.0.clone()),
        step.fail.as_ref().and_then(|fail| text(&fail.error)),
        step.fail.as_ref().and_then(|fail| text(&fail.cause)),
    ];
    let cases = step.cases.iter().flatten().flat_map(|case| [text(&case.when), case.output.clone()]);
    let escalations = step.escalate.iter().flat_map(OneOrMany::as_slice);
    let escalations = escalations.map(|escalate| escalate.to.as_ref().map(|to| to.0.clone()));
    for value in values.into_iter().chain(cases).chain(escalations).flatten() {
        expression::variables(&value, &mut found);
    }
    for value in ending_values(step) {
        expression::variables(value, &mut own);
    }
    own.remove(node.name);
    found.extend(own);
    found
}

/// Values that are evaluated when the step is left, with its own result bound.
fn ending_values(step: &Step) -> impl Iterator<Item = &Value> {
    let with = step.compensate.iter().filter_map(|compensate| compensate.with.as_ref()).flat_map(Map::values);
    let caught = step.catch.iter().flatten().filter_map(|catch| catch.output.as_ref());
    step.output.iter().chain(with).chain(caught)
}

/// `$execution`: the part of the context that authors may read.
fn execution_binding() -> Binding {
    Binding::new(
        "execution",
        r#"{"id": $states.context.Execution.Name, "started_at": $states.context.Execution.StartTime}"#,
    )
}

/// An expression as the state machine holds it.
fn braces(expression: &str) -> Value {
    Value::String(format!("{{% {expression} %}}"))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
