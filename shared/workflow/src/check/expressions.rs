//! Expressions: their syntax, and what they read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Checker, by_name, suggest};
use crate::{
    expression::{self, Piece, Read, analyse, pieces},
    model::OneOrMany,
    plan::{Kind, Node, Region, Via, known_variables, set_by},
    problem::Pointer,
};

/// What may be read at a place, and what is known of all names.
struct Scope<'s, 'd> {
    known: &'s BTreeSet<String>,
    steps: &'s BTreeMap<&'d str, &'s Node<'d>>,
}

impl Checker<'_> {
    pub(super) fn expressions(&mut self, root: &Region<'_>) {
        let steps = by_name(root);
        let known = known_variables(root, &BTreeSet::new());
        self.region(root, &known.before, &steps);
        if let Some(output) = &self.definition.output {
            let mut at_end = known.at_end;
            if at_end.is_empty() {
                // No ending is reached, which is told already; what the steps set is not unknown for that.
                at_end.extend(root.nodes.iter().map(|node| node.name.to_owned()));
                at_end.insert("input".to_owned());
            }
            let scope = Scope { known: &at_end, steps: &steps };
            self.value(output, &Pointer::root().join("output"), &scope);
        }
    }

    fn region(
        &mut self,
        region: &Region<'_>,
        before: &[BTreeSet<String>],
        steps: &BTreeMap<&str, &Node<'_>>,
    ) {
        let reachable = region.reachable();
        for (index, node) in region.nodes.iter().enumerate() {
            let everything: BTreeSet<String>;
            let known = match before.get(index) {
                Some(known) if reachable.get(index).copied().unwrap_or(false) => known,
                // An unreachable step is told as such; here only its syntax counts.
                _ => {
                    everything = steps
                        .keys()
                        .map(|name| (*name).to_owned())
                        .chain(["input".to_owned(), "caught".to_owned()])
                        .collect();
                    &everything
                }
            };
            self.node(node, known, steps);
            for inner in node.regions() {
                let inside = known_variables(inner, known);
                self.region(inner, &inside.before, steps);
            }
        }
    }

    fn node(&mut self, node: &Node<'_>, known: &BTreeSet<String>, steps: &BTreeMap<&str, &Node<'_>>) {
        let step = node.step;
        let at = &node.pointer;
        let before = Scope { known, steps };
        let mut done = known.clone();
        done.extend(set_by(node, Via::Done));
        let after = Scope { known: &done, steps };
        if let Some(with) = &step.with {
            self.members(with, &at.join("with"), &before);
        }
        for (index, case) in step.cases.iter().flatten().enumerate() {
            let at = at.join("cases").join(index);
            self.text(case.when.as_deref(), &at.join("when"), &before);
            self.optional(case.output.as_ref(), &at.join("output"), &before);
        }
        self.text(step.condition.as_deref(), &at.join("while"), &before);
        self.text(step.until.as_deref(), &at.join("until"), &before);
        self.text(step.duration.as_ref().map(|duration| duration.0.as_str()), &at.join("for"), &before);
        self.optional(step.items.as_ref().map(|items| &items.0), &at.join("items"), &before);
        self.optional(step.output.as_ref(), &at.join("output"), &after);
        for (index, catch) in step.catch.iter().flatten().enumerate() {
            let mut caught = known.clone();
            caught.extend(set_by(node, Via::Catch(index)));
            let caught = Scope { known: &caught, steps };
            self.optional(catch.output.as_ref(), &at.join("catch").join(index).join("output"), &caught);
        }
        if let Some(with) = step.compensate.as_ref().and_then(|compensate| compensate.with.as_ref()) {
            self.members(with, &at.join("compensate").join("with"), &after);
        }
        for (index, escalate) in step.escalate.iter().flat_map(OneOrMany::as_slice).enumerate() {
            let at = match &step.escalate {
                Some(OneOrMany::Many(_)) => at.join("escalate").join(index),
                _ => at.join("escalate"),
            };
            self.optional(escalate.to.as_ref().map(|to| &to.0), &at.join("to"), &before);
        }
        if let Some(fail) = &step.fail {
            let at = at.join("fail");
            self.text(fail.error.as_deref(), &at.join("error"), &before);
            self.text(fail.cause.as_deref(), &at.join("cause"), &before);
        }
    }

    fn members(&mut self, members: &serde_json::Map<String, Value>, at: &Pointer, scope: &Scope<'_, '_>) {
        for (name, member) in members {
            self.value(member, &at.join(name), scope);
        }
    }

    fn optional(&mut self, value: Option<&Value>, at: &Pointer, scope: &Scope<'_, '_>) {
        if let Some(value) = value {
            self.value(value, at, scope);
        }
    }

    fn text(&mut self, text: Option<&str>, at: &Pointer, scope: &Scope<'_, '_>) {
        if let Some(text) = text {
            self.value(&Value::String(text.to_owned()), at, scope);
        }
    }

    fn value(&mut self, value: &Value, at: &Pointer, scope: &Scope<'_, '_>) {
        expression::each_text(value, at, &mut |at, text| {
            for piece in pieces(text) {
                match piece {
                    Piece::Literal(_) => {}
                    Piece::Unclosed => {
                        self.add(at, "expression-syntax", "an expression begins with '{%' and has no '%}'");
                    }
                    Piece::Expression(expression) => self.one(expression, at, scope),
                }
            }
        });
    }

    fn one(&mut self, expression: &str, at: &Pointer, scope: &Scope<'_, '_>) {
        let analysis = analyse(expression);
        for fault in analysis.faults {
            self.add(at, fault.code, fault.message);
        }
        for read in &analysis.reads {
            self.read(read, at, scope);
        }
    }

    fn read(&mut self, read: &Read, at: &Pointer, scope: &Scope<'_, '_>) {
        let name = read.variable.as_str();
        if name == "states" {
            let message = "'$states' is the platform's; read '$input', '$execution' and the steps' variables";
            self.add(at, "reserved-name", message);
        } else if name == "execution" || scope.known.contains(name) {
            self.path(read, at, scope);
        } else if scope.steps.contains_key(name) {
            let message = format!(
                "no path sets '${name}' before this; the step '{name}' comes later, or stands in a loop or branch"
            );
            self.add(at, "unset-variable", message);
        } else {
            let names = scope
                .steps
                .keys()
                .copied()
                .chain(scope.known.iter().map(String::as_str))
                .chain(["execution"]);
            let hint = suggest::nearest(name, names)
                .map_or_else(String::new, |near| format!("; did you mean '${near}'?"));
            let message = format!("nothing sets '${name}': no step has that name{hint}");
            self.add(at, "unknown-variable", message);
        }
    }

    /// Fields that the result never has.
    fn path(&mut self, read: &Read, at: &Pointer, scope: &Scope<'_, '_>) {
        let schema = match read.variable.as_str() {
            "input" => self.definition.input.clone().map(Value::Object),
            "execution" => Some(closed(&["id", "started_at"])),
            name => scope.steps.get(name).and_then(|node| match &node.kind {
                Kind::Task => self.catalogue.get(node.activity()).map(|spec| spec.result.clone()),
                Kind::While => Some(closed(&["iterations"])),
                Kind::Parallel(branches) => {
                    Some(closed(&branches.iter().map(|(branch, _)| *branch).collect::<Vec<_>>()))
                }
                _ => None,
            }),
        };
        let Some(schema) = schema else { return };
        if let Some((field, known)) = missing_field(&schema, &read.path) {
            let hint = suggest::nearest(&field, known.iter().map(String::as_str)).map_or_else(
                || format!("it has {}", known.join(", ")),
                |near| format!("did you mean '{near}'?"),
            );
            let message = format!("'${}' never has '{field}'; {hint}", read.variable);
            self.add(at, "unknown-field", message);
        }
    }
}

fn closed(fields: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|field| ((*field).to_owned(), Value::Bool(true))).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The first name of a path that a schema excludes, and what it has instead.
fn missing_field(schema: &Value, path: &[String]) -> Option<(String, Vec<String>)> {
    let mut schema = schema;
    for name in path {
        // JSONata looks through lists.
        while let Some(items) = schema.get("items") {
            schema = items;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        match properties.and_then(|properties| properties.get(name)) {
            Some(next) => schema = next,
            None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                let known = properties.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                return Some((name.clone(), known));
            }
            None => return None,
        }
    }
    None
}
