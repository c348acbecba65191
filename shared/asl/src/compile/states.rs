//! The fields of each type of state.

use super::fields::{catchers, json_path, result_place, retriers, select, template, text};
use super::{Compiler, Names};
use crate::choice::{Kind, Operand, Relation, Rule, Test};
use crate::history::StateKind;
use crate::jsonata::Expression;
use crate::program::{
    Batcher, Body, Choice, ChoiceRule, Delay, Distributed, Items, Language, Map, Reader, State, StateIndex,
    Task, Writer,
};
use crate::template::{Template, expression_source};
use crate::{Diagnostic, TaskResource, Value};
use std::sync::Arc;

const INVALID: &str = "SCHEMA_VALIDATION_FAILED";

impl Compiler {
    pub(super) fn state(
        &mut self,
        name: &Arc<str>,
        definition: &Value,
        targets: &Names<'_>,
        (language, machine_language): (Language, Language),
        place: &str,
    ) -> Result<State, Diagnostic> {
        let kind = definition.get("Type").and_then(Value::as_str).and_then(kind_named);
        let kind =
            kind.ok_or_else(|| Diagnostic::error(INVALID, "Invalid State Type", format!("{place}/Type")))?;
        let next = match definition.get("Next") {
            Some(_) => Some(targets.find(definition, "Next", place)?),
            None => None,
        };
        let parameters_field = if language == Language::Jsonata { "Arguments" } else { "Parameters" };
        let body = self.body(kind, definition, targets, (language, machine_language), place)?;
        Ok(State {
            name: name.clone(),
            kind,
            language,
            next,
            input_path: select(definition, "InputPath", place)?,
            output_path: select(definition, "OutputPath", place)?,
            parameters: template(definition, parameters_field, language, place)?,
            result_selector: template(definition, "ResultSelector", language, place)?,
            result_path: result_place(definition, place)?,
            assign: template(definition, "Assign", language, place)?,
            output: if kind == StateKind::Fail || language == Language::JsonPath {
                None
            } else {
                template(definition, "Output", language, place)?
            },
            retry: retriers(definition),
            catch: catchers(definition, targets, language, place)?,
            body,
        })
    }

    fn body(
        &mut self,
        kind: StateKind,
        definition: &Value,
        targets: &Names<'_>,
        (language, machine_language): (Language, Language),
        place: &str,
    ) -> Result<Body, Diagnostic> {
        Ok(match kind {
            StateKind::Pass => Body::Pass { result: definition.get("Result").cloned() },
            StateKind::Succeed => Body::Succeed,
            StateKind::Fail => Body::Fail {
                error: text(definition, "Error", language, place)?,
                cause: text(definition, "Cause", language, place)?,
            },
            StateKind::Wait => Body::Wait(match text(definition, "Seconds", language, place)? {
                Some(seconds) => Delay::Seconds(seconds),
                None => Delay::Timestamp(
                    text(definition, "Timestamp", language, place)?
                        .ok_or_else(|| Diagnostic::error(INVALID, "A Wait state needs a duration", place))?,
                ),
            }),
            StateKind::Task => Body::Task(Box::new(task(definition, language, place)?)),
            StateKind::Choice => Body::Choice(Box::new(choice(definition, targets, language, place)?)),
            StateKind::Parallel => {
                let branches = definition.get("Branches").and_then(Value::as_array).unwrap_or_default();
                let mut starts = Vec::with_capacity(branches.len());
                for (index, branch) in branches.iter().enumerate() {
                    starts.push(self.scope(
                        branch,
                        machine_language,
                        &format!("{place}/Branches[{index}]"),
                    )?);
                }
                Body::Parallel { branches: starts }
            }
            StateKind::Map => {
                Body::Map(Box::new(self.map(definition, (language, machine_language), place)?))
            }
        })
    }

    fn map(
        &mut self,
        definition: &Value,
        (language, machine_language): (Language, Language),
        place: &str,
    ) -> Result<Map, Diagnostic> {
        let field = if definition.get("ItemProcessor").is_some() { "ItemProcessor" } else { "Iterator" };
        let processor = definition.get(field).cloned().unwrap_or_default();
        let start = self.scope(&processor, machine_language, &format!("{place}/{field}"))?;
        let config = processor.get("ProcessorConfig").cloned().unwrap_or_default();
        let distributed = match config.get("Mode").and_then(Value::as_str) {
            Some("DISTRIBUTED") => {
                Some(Box::new(self.distributed(definition, &config, start, language, place)?))
            }
            _ => None,
        };
        let selector = template(definition, "ItemSelector", language, place)?;
        Ok(Map {
            start,
            items: match definition.get("Items") {
                Some(_) => Items::Template(
                    template(definition, "Items", language, place)?
                        .unwrap_or(Template::Constant(Value::Null)),
                ),
                None => Items::Path(match definition.get("ItemsPath") {
                    Some(path) => Some(json_path(path, &format!("{place}/ItemsPath"))?),
                    None => None,
                }),
            },
            // Before ItemSelector there was Parameters, with the same meaning.
            item_selector: match selector {
                None if language == Language::JsonPath => {
                    template(definition, "Parameters", language, place)?
                }
                selector => selector,
            },
            max_concurrency: text(definition, "MaxConcurrency", language, place)?,
            tolerated_count: text(definition, "ToleratedFailureCount", language, place)?,
            tolerated_percentage: text(definition, "ToleratedFailurePercentage", language, place)?,
            distributed,
        })
    }

    fn distributed(
        &mut self,
        definition: &Value,
        config: &Value,
        start: StateIndex,
        language: Language,
        place: &str,
    ) -> Result<Distributed, Diagnostic> {
        let parameters = if language == Language::Jsonata { "Arguments" } else { "Parameters" };
        let reader = match definition.get("ItemReader") {
            Some(reader) => {
                let place = format!("{place}/ItemReader");
                let config = reader.get("ReaderConfig").cloned().unwrap_or_default();
                Some(Reader {
                    resource: resource(reader, &place)?,
                    parameters: template(reader, parameters, language, &place)?,
                    max_items: text(&config, "MaxItems", language, &format!("{place}/ReaderConfig"))?,
                    config,
                })
            }
            None => None,
        };
        let batcher = match definition.get("ItemBatcher") {
            Some(batcher) => {
                let place = format!("{place}/ItemBatcher");
                Some(Batcher {
                    max_items: text(batcher, "MaxItemsPerBatch", language, &place)?,
                    max_bytes: text(batcher, "MaxInputBytesPerBatch", language, &place)?,
                    batch_input: template(batcher, "BatchInput", language, &place)?,
                })
            }
            None => None,
        };
        let writer = match definition.get("ResultWriter") {
            Some(writer) => {
                let place = format!("{place}/ResultWriter");
                Some(Writer {
                    resource: match writer.get("Resource") {
                        Some(_) => Some(resource(writer, &place)?),
                        None => None,
                    },
                    parameters: template(writer, parameters, language, &place)?,
                    config: writer.get("WriterConfig").cloned().unwrap_or_default(),
                })
            }
            None => None,
        };
        Ok(Distributed {
            processor: self.processor(start),
            express: config.get("ExecutionType").and_then(Value::as_str) == Some("EXPRESS"),
            label: definition.get("Label").and_then(Value::as_str).map(Arc::from),
            reader,
            batcher,
            writer,
        })
    }
}

fn kind_named(name: &str) -> Option<StateKind> {
    Some(match name {
        "Task" => StateKind::Task,
        "Pass" => StateKind::Pass,
        "Choice" => StateKind::Choice,
        "Wait" => StateKind::Wait,
        "Succeed" => StateKind::Succeed,
        "Fail" => StateKind::Fail,
        "Parallel" => StateKind::Parallel,
        "Map" => StateKind::Map,
        _ => return None,
    })
}

fn resource(holder: &Value, place: &str) -> Result<TaskResource, Diagnostic> {
    holder.get("Resource").and_then(Value::as_str).and_then(TaskResource::parse).ok_or_else(|| {
        Diagnostic::error(INVALID, "Value is not a valid resource ARN", format!("{place}/Resource"))
    })
}

fn task(definition: &Value, language: Language, place: &str) -> Result<Task, Diagnostic> {
    let role = match definition.get("Credentials") {
        Some(credentials) => match credentials.get("RoleArn.$") {
            Some(path) => {
                let holder = Value::object(std::iter::once(("RoleArnPath".into(), path.clone())).collect());
                text(&holder, "RoleArn", language, place)?
            }
            None => text(credentials, "RoleArn", language, &format!("{place}/Credentials"))?,
        },
        None => None,
    };
    Ok(Task {
        resource: resource(definition, place)?,
        timeout: text(definition, "TimeoutSeconds", language, place)?,
        heartbeat: text(definition, "HeartbeatSeconds", language, place)?,
        role,
    })
}

fn choice(
    definition: &Value,
    targets: &Names<'_>,
    language: Language,
    place: &str,
) -> Result<Choice, Diagnostic> {
    let list = definition.get("Choices").and_then(Value::as_array).unwrap_or_default();
    let mut rules = Vec::with_capacity(list.len());
    for (index, definition) in list.iter().enumerate() {
        let place = format!("{place}/Choices[{index}]");
        rules.push(ChoiceRule {
            rule: rule(definition, language, &place)?,
            next: targets.find(definition, "Next", &place)?,
            assign: template(definition, "Assign", language, &place)?,
            output: if language == Language::Jsonata {
                template(definition, "Output", language, &place)?
            } else {
                None
            },
        });
    }
    let default = match definition.get("Default") {
        Some(_) => Some(targets.find(definition, "Default", place)?),
        None => None,
    };
    Ok(Choice { rules, default })
}

fn rule(definition: &Value, language: Language, place: &str) -> Result<Rule, Diagnostic> {
    if language == Language::Jsonata {
        return match definition.get("Condition") {
            Some(Value::Bool(value)) => Ok(Rule::Fixed(*value)),
            Some(Value::String(text)) => {
                let source = expression_source(text).unwrap_or(text);
                Expression::parse(source).map(Rule::Condition).map_err(|reason| {
                    Diagnostic::error(
                        INVALID,
                        format!("Invalid JSONata expression: {reason}"),
                        format!("{place}/Condition"),
                    )
                })
            }
            _ => Err(Diagnostic::error(INVALID, "A Choice rule needs a Condition", place)),
        };
    }
    let all = |list: &Value, field: &str| -> Result<Vec<Rule>, Diagnostic> {
        let rules = list.as_array().unwrap_or_default().iter().enumerate();
        rules.map(|(index, inner)| rule(inner, language, &format!("{place}/{field}[{index}]"))).collect()
    };
    if let Some(list) = definition.get("And") {
        return all(list, "And").map(Rule::And);
    }
    if let Some(list) = definition.get("Or") {
        return all(list, "Or").map(Rule::Or);
    }
    if let Some(inner) = definition.get("Not") {
        return rule(inner, language, &format!("{place}/Not")).map(|inner| Rule::Not(Box::new(inner)));
    }
    let variable =
        json_path(definition.get("Variable").unwrap_or(&Value::Null), &format!("{place}/Variable"))?;
    let members = definition.as_object();
    let test = members.into_iter().flatten().find_map(|(name, operand)| comparison(name, operand));
    match test {
        Some(test) => Ok(Rule::Test { variable, test }),
        None => Err(Diagnostic::error(INVALID, "A Choice rule needs a comparison", place)),
    }
}

fn comparison(name: &str, operand: &Value) -> Option<Test> {
    match name {
        "IsNull" => return operand.as_bool().map(Test::IsNull),
        "IsPresent" => return operand.as_bool().map(Test::IsPresent),
        "StringMatches" => return operand.as_str().map(|pattern| Test::Matches(pattern.to_owned())),
        _ => {}
    }
    let kinds = [
        ("Boolean", Kind::Boolean),
        ("Numeric", Kind::Numeric),
        ("String", Kind::String),
        ("Timestamp", Kind::Timestamp),
    ];
    if let Some(rest) = name.strip_prefix("Is") {
        let (_, kind) = kinds.iter().find(|(kind_name, _)| *kind_name == rest)?;
        return operand.as_bool().map(|expected| Test::Is { kind: *kind, expected });
    }
    let (kind_name, kind) = kinds.iter().find(|(kind_name, _)| name.starts_with(kind_name))?;
    let relation = name.strip_prefix(kind_name)?;
    let (relation, is_path) = match relation.strip_suffix("Path") {
        Some(relation) => (relation, true),
        None => (relation, false),
    };
    let relation = match relation {
        "Equals" => Relation::Equals,
        "LessThan" => Relation::LessThan,
        "LessThanEquals" => Relation::LessThanEquals,
        "GreaterThan" => Relation::GreaterThan,
        "GreaterThanEquals" => Relation::GreaterThanEquals,
        _ => return None,
    };
    let with = if is_path {
        Operand::Path(crate::jsonpath::JsonPath::parse(operand.as_str()?)?)
    } else {
        Operand::Fixed(operand.clone())
    };
    Some(Test::Compare { kind: *kind, relation, with })
}
