//! Event rules and schedules.

use serde_json::Value;

use super::fields::Fields;
use crate::template::model::{Model, Rule, Schedule, Target};

/// SAM's `EventBridgeRule`.
pub(super) fn add_rule_event(model: &mut Model, fields: &Fields<'_>, function: &str, event: &str) {
    if is_disabled(fields) {
        return;
    }
    let Some(pattern) = fields.raw("Pattern") else {
        fields.problem(format!("the event {event} needs a Pattern"));
        return;
    };
    let target = Target { function: function.to_owned(), input: input(fields) };
    model.rules.push(Rule {
        name: event_name(fields, event),
        pattern: pattern.clone(),
        targets: vec![target],
    });
}

/// SAM's `Schedule` and `ScheduleV2`.
pub(super) fn add_schedule_event(
    model: &mut Model,
    fields: &Fields<'_>,
    function: &str,
    event: &str,
    rule: bool,
) {
    if is_disabled(fields) {
        return;
    }
    let property = if rule { "Schedule" } else { "ScheduleExpression" };
    let schedule = Schedule {
        name: event_name(fields, event),
        expression: fields.required(property),
        target: Target { function: function.to_owned(), input: input(fields) },
        rule,
    };
    check_and_push(model, fields, schedule);
}

/// `AWS::Events::Rule`, with a pattern or a schedule.
pub(super) fn add_rule(model: &mut Model, fields: Fields<'_>) {
    if is_disabled(&fields) {
        return;
    }
    let targets = targets(&fields);
    if let Some(expression) = fields.text("ScheduleExpression") {
        for target in targets {
            let name = fields.resource.name.clone();
            check_and_push(
                model,
                &fields,
                Schedule { name, expression: expression.clone(), target, rule: true },
            );
        }
    } else if let Some(pattern) = fields.raw("EventPattern") {
        model.rules.push(Rule { name: fields.resource.name.clone(), pattern: pattern.clone(), targets });
    } else {
        fields.problem("a rule needs an EventPattern or a ScheduleExpression");
    }
}

/// `AWS::Scheduler::Schedule`.
pub(super) fn add_schedule(model: &mut Model, fields: Fields<'_>) {
    if is_disabled(&fields) {
        return;
    }
    let target = fields.inside("Target");
    let Some(function) = target.and_then(|target| target.text("Arn")).and_then(|arn| function_of(&arn))
    else {
        fields.problem("Target.Arn must be the ARN of a function");
        return;
    };
    let schedule = Schedule {
        name: fields.resource.name.clone(),
        expression: fields.required("ScheduleExpression"),
        target: Target { function, input: target.and_then(|target| input(&target)) },
        rule: false,
    };
    check_and_push(model, &fields, schedule);
}

fn check_and_push(model: &mut Model, fields: &Fields<'_>, schedule: Schedule) {
    if let Err(error) = crate::sources::Timetable::parse(&schedule.expression) {
        fields.problem(format!("the schedule {} cannot be read: {error}", schedule.expression));
    }
    model.schedules.push(schedule);
}

fn targets(fields: &Fields<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for target in fields.list("Targets") {
        let target = fields.within(target);
        match target.text("Arn").and_then(|arn| function_of(&arn)) {
            Some(function) => targets.push(Target { function, input: input(&target) }),
            None => fields.problem("a target must be a function on one machine"),
        }
    }
    targets
}

fn function_of(arn: &str) -> Option<String> {
    arn.split(":function:").nth(1)?.split(':').next().map(ToOwned::to_owned)
}

fn input(fields: &Fields<'_>) -> Option<Value> {
    match fields.raw("Input")? {
        Value::String(text) => {
            Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
        }
        value => Some(value.clone()),
    }
}

fn is_disabled(fields: &Fields<'_>) -> bool {
    fields.text("State").is_some_and(|state| state == "DISABLED")
        || (fields.raw("Enabled").is_some() && !fields.flag("Enabled"))
}

fn event_name(fields: &Fields<'_>, event: &str) -> String {
    fields
        .text("Name")
        .unwrap_or_else(|| format!("{}-{}{event}", fields.resource.stack, fields.resource.logical))
}
