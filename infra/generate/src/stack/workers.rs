//! The stack of workers: functions that queues, streams, events and timers invoke.

use toss_runtime::Trigger;

use super::{Member, function, head, members, policy::queue_name};

pub(super) fn stack() -> String {
    let mut members: Vec<Member> =
        members().into_iter().filter(|member| !member.definition.triggers.is_empty()).collect();
    members.sort_by_key(|member| member.definition.handler);
    let mut yaml = head("Workers: functions that queues, streams, events and timers invoke.", "");
    yaml = yaml.replace("  StateMachineRoleArn:\n    Type: String\n", "");
    for member in &members {
        yaml.push_str(&function::resource(member.binary, &member.definition));
        yaml.push_str("      Events:\n");
        for trigger in member.definition.triggers {
            yaml.push_str(&event(*trigger));
        }
    }
    yaml
}

fn event(trigger: Trigger) -> String {
    match trigger {
        Trigger::Messages(queue) => format!(
            r"        {name}:
          Type: SQS
          Properties:
            Queue: !Ref {name}QueueArn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
",
            name = queue_name(queue)
        ),
        Trigger::NewItems { kind } => format!(
            r#"        NewItems:
          Type: DynamoDB
          Properties:
            Stream: !Ref AuditStreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 100
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria:
              Filters:
                - Pattern: '{{"eventName": ["INSERT"], "dynamodb": {{"NewImage": {{"kind": {{"S": ["{kind}"]}}}}}}}}'
"#
        ),
        Trigger::ExecutionStatus => r#"        ExecutionStatus:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [aws.states]
              detail-type: [Step Functions Execution Status Change]
              detail:
                stateMachineArn:
                  - prefix: !Sub "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:wf_"
            RetryPolicy: { MaximumRetryAttempts: 185, MaximumEventAgeInSeconds: 86400 }
"#
        .into(),
        Trigger::EveryMinute => r"        EveryMinute:
          Type: Schedule
          Properties:
            Schedule: rate(1 minute)
"
        .into(),
    }
}
