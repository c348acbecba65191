//! What an expression reads and calls, without evaluating it.

use jsonata_core::{
    ast::{AstNode, BinaryOp, PathStep, Stage},
    parser,
};

use super::builtin::is_builtin;

/// What is known of an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Analysis {
    pub(crate) reads: Vec<Read>,
    pub(crate) faults: Vec<Fault>,
}

/// A variable from outside the expression, and the names of the path that follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) variable: String,
    pub(crate) path: Vec<String>,
}

/// What is wrong with an expression by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

pub(crate) fn analyse(expression: &str) -> Analysis {
    if expression.trim().is_empty() {
        return fault("expression-syntax", "the expression is empty; write JSONata between '{%' and '%}'");
    }
    match parser::parse(expression) {
        Ok(ast) => {
            let mut walk = Walk::default();
            walk.node(&ast, false);
            walk.found
        }
        Err(error) => {
            let message = format!("JSONata does not understand '{}': {error}", shorten(expression));
            fault("expression-syntax", &message)
        }
    }
}

fn fault(code: &'static str, message: &str) -> Analysis {
    Analysis { reads: Vec::new(), faults: vec![Fault { code, message: message.to_owned() }] }
}

fn shorten(expression: &str) -> String {
    let short: String = expression.chars().take(60).collect();
    if short.len() < expression.len() { format!("{short}…") } else { short }
}

#[derive(Default)]
struct Walk {
    /// Names bound inside the expression.
    locals: Vec<String>,
    found: Analysis,
}

impl Walk {
    /// `has_item`: whether names refer to something here, as they do inside a path or a predicate.
    fn node(&mut self, node: &AstNode, has_item: bool) {
        match node {
            AstNode::Variable(name) => self.variable(name, has_item, Vec::new()),
            AstNode::ParentVariable(_) => self.no_item("$$"),
            AstNode::Name(name) if !has_item => self.no_item(name),
            AstNode::Wildcard | AstNode::Descendant if !has_item => self.no_item("*"),
            AstNode::Path { steps } => self.path(steps, has_item),
            AstNode::Binary { op: BinaryOp::ColonEqual, lhs, rhs } => {
                // The name is known to its own value, as a function may call itself.
                if let AstNode::Variable(name) = lhs.as_ref() {
                    self.bind(name);
                }
                self.node(rhs, has_item);
            }
            AstNode::Binary { lhs, rhs, .. } => {
                self.node(lhs, has_item);
                self.node(rhs, has_item);
            }
            AstNode::Unary { operand, .. } => self.node(operand, has_item),
            AstNode::FunctionApplication(inner) => self.node(inner, has_item),
            AstNode::Function { name, args, is_builtin } => {
                self.call(name, *is_builtin);
                self.all(args, has_item);
            }
            AstNode::Call { procedure, args } => {
                self.node(procedure, has_item);
                self.all(args, has_item);
            }
            AstNode::Lambda { params, body, .. } => {
                let depth = self.locals.len();
                self.locals.extend(params.iter().cloned());
                self.node(body, has_item);
                self.locals.truncate(depth);
            }
            AstNode::Array(items) | AstNode::ArrayGroup(items) => self.all(items, has_item),
            AstNode::Block(items) => {
                let depth = self.locals.len();
                self.all(items, has_item);
                self.locals.truncate(depth);
            }
            AstNode::Object(pairs) => self.pairs(pairs, has_item),
            AstNode::ObjectTransform { input, pattern } => {
                self.node(input, has_item);
                self.pairs(pattern, true);
            }
            AstNode::Conditional { condition, then_branch, else_branch } => {
                self.node(condition, has_item);
                self.node(then_branch, has_item);
                if let Some(branch) = else_branch {
                    self.node(branch, has_item);
                }
            }
            AstNode::Sort { input, terms } => {
                self.node(input, has_item);
                for (term, _) in terms {
                    self.node(term, true);
                }
            }
            AstNode::Transform { location, update, delete } => {
                self.node(location, true);
                self.node(update, true);
                if let Some(delete) = delete {
                    self.node(delete, true);
                }
            }
            _ => {}
        }
    }

    fn all(&mut self, nodes: &[AstNode], has_item: bool) {
        for node in nodes {
            self.node(node, has_item);
        }
    }

    fn pairs(&mut self, pairs: &[(AstNode, AstNode)], has_item: bool) {
        for (key, value) in pairs {
            self.node(key, has_item);
            self.node(value, has_item);
        }
    }

    fn path(&mut self, steps: &[PathStep], has_item: bool) {
        let depth = self.locals.len();
        let mut inside = has_item;
        for (index, step) in steps.iter().enumerate() {
            match &step.node {
                AstNode::Variable(name) => {
                    let rest = steps.get(index + 1..).unwrap_or_default();
                    let names = rest.iter().map_while(|step| match &step.node {
                        AstNode::Name(name) => Some(name.clone()),
                        _ => None,
                    });
                    self.variable(name, inside, names.collect());
                }
                node => self.node(node, inside),
            }
            inside = true;
            self.locals.extend(step.focus.iter().chain(&step.index_var).cloned());
            for stage in &step.stages {
                match stage {
                    Stage::Filter(filter) => self.node(filter, true),
                    Stage::Index(name) => self.locals.push(name.clone()),
                    Stage::KeepArray => {}
                }
            }
        }
        self.locals.truncate(depth);
    }

    fn variable(&mut self, name: &str, has_item: bool, path: Vec<String>) {
        if name.is_empty() {
            if !has_item {
                self.no_item("$");
            }
        } else if is_builtin(name) && !self.is_local(name) {
            if !path.is_empty() {
                let hint =
                    if name == "error" { "; a caught error is '$caught', or what 'as' says" } else { "" };
                self.fault(
                    "unknown-variable",
                    format!("'${name}' is a function of JSONata and has no fields{hint}"),
                );
            }
        } else if !self.is_local(name) {
            self.found.reads.push(Read { variable: name.to_owned(), path });
        }
    }

    fn bind(&mut self, name: &str) {
        if matches!(name, "states" | "input" | "execution") {
            self.fault(
                "reserved-name",
                format!("'${name}' is the platform's; use another name in the expression"),
            );
        }
        self.locals.push(name.to_owned());
    }

    fn call(&mut self, name: &str, has_dollar: bool) {
        if self.is_local(name) || (has_dollar && is_builtin(name)) {
            return;
        }
        let message = match name {
            "eval" => "'$eval' is not available: write the expression itself".to_owned(),
            _ if !has_dollar && is_builtin(name) => format!("functions are called with a '$': '${name}(…)'"),
            _ => format!("there is no function '${name}'"),
        };
        self.fault("unknown-function", message);
    }

    fn no_item(&mut self, what: &str) {
        let message =
            format!("'{what}' refers to nothing here: begin with a variable, such as '$input.{what}'");
        let message = if what.starts_with('$') || what == "*" {
            format!("'{what}' refers to nothing here: begin with a variable, such as '$input'")
        } else {
            message
        };
        self.fault("no-current-item", message);
    }

    fn fault(&mut self, code: &'static str, message: String) {
        let fault = Fault { code, message };
        if !self.found.faults.contains(&fault) {
            self.found.faults.push(fault);
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|local| local == name)
    }
}
