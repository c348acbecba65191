//! One Lambda function as YAML.

use std::fmt::Write as _;

use toss_runtime::FunctionDefinition;

use super::policy;

/// The logical id of a function: its handler name in Pascal case.
pub(super) fn logical_id(handler: &str) -> String {
    handler
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

/// The resource, without events.
pub(super) fn resource(binary: &str, definition: &FunctionDefinition) -> String {
    let FunctionDefinition { handler, grants, sizing, .. } = definition;
    let mut yaml = format!(
        r#"
  {id}:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "${{Prefix}}-{handler}"
      CodeUri: ../../target/lambda/{binary}/
      Handler: {handler}
      MemorySize: {memory}
      Timeout: {timeout}
"#,
        id = logical_id(handler),
        memory = sizing.memory_mib,
        timeout = sizing.timeout_seconds,
    );
    let variables = policy::variables(grants);
    if !variables.is_empty() {
        yaml.push_str("      Environment:\n        Variables:\n");
        for (name, value) in variables {
            let _ = writeln!(yaml, "          {name}: {value}");
        }
    }
    let statements = policy::statements(grants);
    if !statements.is_empty() {
        yaml.push_str("      Policies:\n        - Version: \"2012-10-17\"\n          Statement:\n");
        for statement in statements {
            let _ = writeln!(yaml, "            - Effect: Allow");
            let _ = writeln!(yaml, "              Action: [{}]", statement.actions.join(", "));
            yaml.push_str("              Resource:\n");
            for resource in statement.resources {
                let _ = writeln!(yaml, "                - {resource}");
            }
        }
    }
    yaml
}
