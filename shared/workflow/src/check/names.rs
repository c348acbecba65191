//! Names: they become variables and states, so they must be identifiers, unique, and nobody else's.

use std::collections::HashSet;

use super::Checker;
use crate::{
    expression::is_builtin,
    plan::{Kind, Node, Region},
    problem::Pointer,
};

/// The longest name of a step: a state's name has at most 80 characters, and some states add words to a step's.
const MAX_NAME: usize = 64;

impl Checker<'_> {
    pub(super) fn names(&mut self, root: &Region<'_>) {
        if let Some(name) = &self.definition.workflow {
            let good = name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !good {
                let message =
                    "a workflow's name is a small letter and then small letters, digits and hyphens";
                self.add(&Pointer::root().join("workflow"), "bad-name", message);
            }
        }
        let mut seen = HashSet::new();
        for node in root.all_nodes() {
            self.name(node.name, &node.pointer);
            if !seen.insert(node.name) {
                let message =
                    format!("another step is called '{}' already; names are unique in a workflow", node.name);
                self.add(&node.pointer, "duplicate-name", message);
            }
        }
        let mut taken: Vec<String> = Vec::new();
        self.bound(root, &seen, &mut taken);
    }

    /// Names that loops and catches give.
    fn bound(&mut self, region: &Region<'_>, steps: &HashSet<&str>, around: &mut Vec<String>) {
        for node in &region.nodes {
            for (at, catch) in node.step.catch.iter().flatten().enumerate() {
                if let Some(name) = &catch.name {
                    let pointer = node.pointer.join("catch").join(at).join("as");
                    self.given(name, &pointer, steps);
                    if around.iter().any(|item| item == name) {
                        let message =
                            format!("the loop around this calls its item '{name}'; use another name");
                        self.add(&pointer, "duplicate-name", message);
                    }
                }
            }
            if let Kind::Map(_) = node.kind {
                self.item(node, steps, around);
            }
            for region in node.regions() {
                let depth = around.len();
                if matches!(node.kind, Kind::Map(_)) {
                    around.push(node.item_name().to_owned());
                }
                self.bound(region, steps, around);
                around.truncate(depth);
            }
            if let Kind::Parallel(branches) = &node.kind {
                for (branch, _) in branches {
                    let pointer = node.pointer.join("branches").join(branch);
                    self.identifier(branch, &pointer, "branch");
                }
            }
        }
    }

    fn item(&mut self, node: &Node<'_>, steps: &HashSet<&str>, around: &[String]) {
        let written = node.pointer.join("as");
        let pointer = if node.step.item_name.is_some() { &written } else { &node.pointer };
        let name = node.item_name();
        if around.iter().any(|outer| outer == name) {
            let message = format!(
                "the loop around this one calls its item '{name}' already; add 'as' with another name"
            );
            self.add(pointer, "duplicate-name", message);
        }
        self.given(name, pointer, steps);
        self.given(&format!("{name}_index"), pointer, steps);
    }

    fn given(&mut self, name: &str, pointer: &Pointer, steps: &HashSet<&str>) {
        self.name(name, pointer);
        if steps.contains(name) {
            let message = format!("a step is called '{name}', and its result has that name; use another one");
            self.add(pointer, "duplicate-name", message);
        }
    }

    fn name(&mut self, name: &str, pointer: &Pointer) {
        if !self.identifier(name, pointer, "name") {
            return;
        }
        let why = if is_builtin(name) {
            "is a function of JSONata"
        } else if matches!(name, "states" | "input" | "execution") || name.starts_with("toss_") {
            "is the platform's"
        } else if name == "eval" {
            "means something else in JSONata"
        } else {
            return;
        };
        self.add(
            pointer,
            "reserved-name",
            format!("'${name}' {why}; use another name, such as '{name}_step'"),
        );
    }

    fn identifier(&mut self, name: &str, pointer: &Pointer, what: &str) -> bool {
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !good {
            let message = format!(
                "a {what} is a letter and then letters, digits and underscores, since it becomes a variable: not '{}'",
                name.chars().take(MAX_NAME).collect::<String>()
            );
            self.add(pointer, "bad-name", message);
        } else if name.len() > MAX_NAME {
            self.add(
                pointer,
                "bad-name",
                format!("a {what} has at most {MAX_NAME} characters, not {}", name.len()),
            );
        }
        good
    }
}
