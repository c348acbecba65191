//! One stack: a file with its parameters, evaluated resource by resource.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::naming;
use super::world::{Resource, World};
use crate::template::node::Node;
use crate::template::source::relative_to;

/// A stack's outputs by name.
pub(crate) type Outputs = BTreeMap<String, Value>;

/// One stack under evaluation.
pub(crate) struct Stack<'w, 'a> {
    pub(super) world: &'w World<'a>,
    pub(super) name: String,
    pub(super) file: String,
    pub(super) document: Rc<Node>,
    pub(super) parameters: BTreeMap<String, Value>,
    /// Nested stacks that have been evaluated; `None` while one is under way, which finds circles.
    nested: RefCell<BTreeMap<String, Option<Rc<Outputs>>>>,
    pub(super) conditions_under_way: RefCell<BTreeSet<String>>,
    /// The resource under evaluation, for messages.
    pub(super) current: RefCell<Option<String>>,
}

impl<'w, 'a> Stack<'w, 'a> {
    /// Opens a file as a stack: parameters that are not given take their defaults.
    pub(crate) fn open(
        world: &'w World<'a>,
        name: &str,
        file: &str,
        given: &BTreeMap<String, Value>,
    ) -> Option<Self> {
        let document = world.document(file)?;
        let mut parameters = BTreeMap::new();
        let declared = document.get("Parameters").map(Node::entries).unwrap_or_default();
        for (parameter, declaration) in declared {
            match given.get(parameter).cloned().or_else(|| declaration.get("Default").map(Node::plain)) {
                Some(value) => {
                    check_allowed(world, file, parameter, declaration, &value);
                    parameters.insert(parameter.clone(), as_parameter(declaration, value));
                }
                None => world.problem(
                    file,
                    declaration.line,
                    None,
                    format!("the parameter {parameter} has no default and no value was given"),
                ),
            }
        }
        for parameter in given.keys().filter(|parameter| !parameters.contains_key(*parameter)) {
            if !declared.iter().any(|(name, _)| name == parameter) {
                world.problem(
                    file,
                    1,
                    None,
                    format!("the stack has no parameter {parameter}, but one is given"),
                );
            }
        }
        Some(Self {
            world,
            name: name.to_owned(),
            file: file.to_owned(),
            document,
            parameters,
            nested: RefCell::default(),
            conditions_under_way: RefCell::default(),
            current: RefCell::default(),
        })
    }

    /// Evaluates every resource into the world, and answers the outputs.
    pub(crate) fn evaluate(&self) -> Outputs {
        for (logical, node) in self.document.get("Resources").map(Node::entries).unwrap_or_default() {
            self.current.replace(Some(logical.clone()));
            if self.exists(node) {
                self.evaluate_resource(logical, node);
            }
        }
        self.current.replace(None);
        let mut outputs = Outputs::new();
        for (name, node) in self.document.get("Outputs").map(Node::entries).unwrap_or_default() {
            if self.exists(node)
                && let Some(value) = node.get("Value").and_then(|value| self.value(value))
            {
                outputs.insert(name.clone(), value);
            }
        }
        outputs
    }

    /// Whether the condition of a resource or output holds.
    pub(super) fn exists(&self, node: &Node) -> bool {
        node.get("Condition")
            .and_then(Node::text)
            .is_none_or(|condition| self.condition(condition, node.line))
    }

    /// The resource's declaration, where this stack has one of that name whose condition holds.
    pub(super) fn declared(&self, logical: &str) -> Option<&Node> {
        self.document.get("Resources")?.get(logical)
    }

    /// The type of a declared resource.
    pub(super) fn kind_of(node: &Node) -> &str {
        node.get("Type").and_then(Node::text).unwrap_or_default()
    }

    /// The name that a resource gets on this machine.
    pub(super) fn physical_name(&self, logical: &str, node: &Node) -> String {
        let kind = Self::kind_of(node);
        if kind == "AWS::KMS::Key" {
            return self.key_id(logical, node);
        }
        let named = naming::name_property(kind)
            .and_then(|property| self.properties_node(node).get(property).and_then(|name| self.value(name)));
        match named {
            Some(Value::String(name)) if !name.is_empty() => name,
            _ if kind == "AWS::SQS::Queue" && self.is_fifo(node) => format!("{}-{logical}.fifo", self.name),
            _ => format!("{}-{logical}", self.name),
        }
    }

    fn key_id(&self, logical: &str, node: &Node) -> String {
        let property = |name: &str, default: &str| {
            let value = node.get("Properties").and_then(|properties| properties.get(name));
            value
                .and_then(|value| self.value(value))
                .and_then(|value| value.as_str().map(ToOwned::to_owned))
                .unwrap_or_else(|| default.to_owned())
        };
        let (spec, usage) =
            (property("KeySpec", "SYMMETRIC_DEFAULT"), property("KeyUsage", "ENCRYPT_DECRYPT"));
        let id = self.world.keys.key_id(&format!("{}/{logical}", self.name), &spec, &usage);
        id.unwrap_or_else(|reason| {
            self.report(node.line, reason);
            String::new()
        })
    }

    fn is_fifo(&self, node: &Node) -> bool {
        let fifo = node.get("Properties").and_then(|properties| properties.get("FifoQueue"));
        matches!(fifo.and_then(|fifo| self.value(fifo)), Some(Value::Bool(true)))
    }

    /// The properties with the file's globals below them.
    fn properties_node(&self, node: &Node) -> Node {
        let properties = node
            .get("Properties")
            .cloned()
            .unwrap_or(Node { line: node.line, shape: super::super::node::Shape::Map(vec![]) });
        let section = match Self::kind_of(node) {
            "AWS::Serverless::Function" => "Function",
            "AWS::Serverless::Api" => "Api",
            "AWS::Serverless::SimpleTable" => "SimpleTable",
            _ => return properties,
        };
        match self.document.get("Globals").and_then(|globals| globals.get(section)) {
            Some(globals) => globals.overlaid(&properties),
            None => properties,
        }
    }

    fn evaluate_resource(&self, logical: &str, node: &Node) {
        let kind = Self::kind_of(node);
        if matches!(kind, "AWS::Serverless::Application" | "AWS::CloudFormation::Stack") {
            self.nested_outputs(logical, node);
            return;
        }
        let problems_before = self.world.problem_count();
        let properties_node = self.properties_node(node);
        let properties = self.value(&properties_node).unwrap_or(Value::Null);
        let name = self.physical_name(logical, node);
        if self.world.problem_count() > problems_before {
            return;
        }
        self.world.found(Resource {
            stack: self.name.clone(),
            file: self.file.clone(),
            line: node.line.saturating_sub(1).max(1),
            logical: logical.to_owned(),
            kind: kind.to_owned(),
            name,
            properties,
            lines: properties_node.entries().iter().map(|(key, value)| (key.clone(), value.line)).collect(),
        });
    }

    /// The outputs of a nested stack, evaluated when first asked for.
    pub(super) fn nested_outputs(&self, logical: &str, node: &Node) -> Rc<Outputs> {
        if let Some(known) = self.nested.borrow().get(logical) {
            return known.clone().unwrap_or_else(|| {
                self.report(node.line, format!("the stack {logical} depends on its own outputs"));
                Rc::default()
            });
        }
        self.nested.borrow_mut().insert(logical.to_owned(), None);
        let outputs = Rc::new(self.evaluate_nested(logical, node));
        self.nested.borrow_mut().insert(logical.to_owned(), Some(outputs.clone()));
        outputs
    }

    fn evaluate_nested(&self, logical: &str, node: &Node) -> Outputs {
        let properties = node.get("Properties");
        let location = properties
            .and_then(|properties| properties.get("Location").or_else(|| properties.get("TemplateURL")))
            .and_then(|location| self.value(location));
        let Some(Value::String(location)) = location else {
            self.report(node.line, "a nested stack needs a Location that is a path beside this file");
            return Outputs::new();
        };
        let given = properties
            .and_then(|properties| properties.get("Parameters"))
            .and_then(|parameters| self.value(parameters));
        let parameters = match given {
            Some(Value::Object(parameters)) => parameters.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let file = relative_to(&self.file, &location);
        let name = format!("{}-{logical}", self.name);
        Stack::open(self.world, &name, &file, &parameters).map(|stack| stack.evaluate()).unwrap_or_default()
    }

    /// Notes a problem at a line of this stack's file, in the resource under evaluation.
    pub(super) fn report(&self, line: usize, message: impl Into<String>) {
        self.world.problem(&self.file, line, self.current.borrow().as_deref(), message);
    }
}

/// Lists arrive as comma separated text, as CloudFormation takes them.
fn as_parameter(declaration: &Node, value: Value) -> Value {
    let kind = declaration.get("Type").and_then(Node::text).unwrap_or("String");
    match (&value, kind) {
        (Value::String(text), "CommaDelimitedList") => {
            text.split(',').map(|part| Value::String(part.trim().to_owned())).collect()
        }
        (Value::Number(number), "String") => Value::String(number.to_string()),
        (Value::Bool(flag), "String") => Value::String(flag.to_string()),
        _ => value,
    }
}

fn check_allowed(world: &World<'_>, file: &str, parameter: &str, declaration: &Node, value: &Value) {
    let Some(allowed) = declaration.get("AllowedValues") else { return };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    if !allowed.elements().iter().any(|option| text(&option.plain()) == text(value)) {
        world.problem(
            file,
            declaration.line,
            None,
            format!(
                "the parameter {parameter} may not be {}: it is not one of its AllowedValues",
                text(value)
            ),
        );
    }
}
