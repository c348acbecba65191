use std::path::Path;

use super::fixture::{load_text, settings};
use super::*;

fn problems(text: &str) -> Vec<String> {
    load_text(text)
        .err()
        .map(|error| error.problems.iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

#[test]
fn nested_stacks_hand_their_outputs_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("stacks")).unwrap();
    write(
        "template.yaml",
        "
Resources:
  Work: { Type: AWS::Serverless::Application, Properties: { Location: stacks/work.yaml, Parameters: {
    Prefix: !Ref AWS::StackName, Table: !GetAtt Data.Outputs.Table } } }
  Data: { Type: AWS::Serverless::Application, Properties: { Location: stacks/data.yaml } }
",
    );
    write(
        "stacks/data.yaml",
        "
Resources:
  Notes: { Type: AWS::DynamoDB::Table, Properties: { AttributeDefinitions: [], KeySchema: [] } }
Outputs: { Table: { Value: !Ref Notes } }
",
    );
    write(
        "stacks/work.yaml",
        "
Parameters: { Prefix: { Type: String }, Table: { Type: String } }
Globals: { Function: { Timeout: 7, Environment: { Variables: { A: one } } } }
Resources:
  Clerk:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub '${Prefix}-clerk'
      CodeUri: ../../target/lambda/workers/
      Handler: clerk
      Environment: { Variables: { TABLE: !Ref Table } }
      Policies: [{ Statement: [{ Effect: Allow, Action: 'dynamodb:GetItem', Resource: !Sub
        'arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Table}' }] }]
",
    );
    let source = TemplateSource::Folder { root: folder.path().join("template.yaml") };
    let model = load(&source, &settings()).unwrap();
    let clerk = &model.functions["toss-clerk"];
    assert_eq!(
        (clerk.binary.as_str(), clerk.handler.as_str(), clerk.timeout.as_secs()),
        ("workers", "clerk", 7)
    );
    assert_eq!(clerk.environment["TABLE"], "toss-Data-Notes");
    assert_eq!(clerk.environment["A"], "one");
    assert_eq!(model.roles[&clerk.role].name, "toss-Work-ClerkRole");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_file_line_and_resource() {
    let told = problems(
        "
Resources:
  Bucket:
    Type: AWS::S3::Bucket
  Clerk:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/workers/
      Role: !GetAtt Missing.Arn
  Timer:
    Type: AWS::Scheduler::Schedule
    Properties: { ScheduleExpression: rate(0 days), Target: { Arn: 'arn:aws:lambda:r:0:function:clerk' } }
",
    );
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told.iter().any(|problem| problem.starts_with("template.yaml:3: Bucket: AWS::S3::Bucket is not"))
    );
    assert!(told.iter().any(|problem| problem.starts_with("template.yaml:9: Clerk: Fn::GetAtt Missing.Arn")));
    assert!(told.iter().any(|problem| problem.contains("Timer: the schedule rate(0 days) cannot be read")));
}

#[test]
fn conditions_decide_what_exists() {
    let model = load_text(
        "
Parameters: { Mode: { Type: String, Default: small } }
Conditions: { IsSmall: !Equals [!Ref Mode, small], IsLarge: !Not [!Condition IsSmall] }
Resources:
  Here: { Type: AWS::SQS::Queue, Condition: IsSmall, Properties: { DelaySeconds: !If [IsLarge, 9, !Ref 'AWS::NoValue'] } }
  Gone: { Type: AWS::SQS::Queue, Condition: IsLarge }
",
    )
    .unwrap();
    assert_eq!(model.queues.keys().collect::<Vec<_>>(), ["toss-Here"]);
    assert!(model.queues["toss-Here"].attributes.is_empty());
}

#[test]
fn the_projects_own_template_can_be_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../template.yaml");
    let folder = root.parent().unwrap().join("infra/stacks");
    if ["activities", "workers", "api"].iter().any(|stack| !folder.join(format!("{stack}.yaml")).exists()) {
        return;
    }
    let mut settings = settings();
    settings.parameters.insert("OperatorKeySha256".into(), "0".repeat(64));
    let model = load(&TemplateSource::Folder { root }, &settings).unwrap();
    assert!(model.routes.iter().any(|route| route.path == "/v1/health"));
}
