//! The stack of activities, and the role under which workflows call them.

use std::fmt::Write as _;

use super::{Member, function, head, members};

pub(super) fn stack() -> String {
    let mut members: Vec<Member> =
        members().into_iter().filter(|member| member.definition.triggers.is_empty()).collect();
    members.sort_by_key(|member| member.definition.handler);
    let mut yaml = head("Activities, and the role under which workflows call them.", "");
    // The role is this stack's own: the parameter would only be its own output.
    yaml = yaml.replace("  StateMachineRoleArn:\n    Type: String\n", "");
    yaml.push_str(
        r#"
  StateMachineRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: states.amazonaws.com }
            Action: sts:AssumeRole
            Condition: { StringEquals: { "aws:SourceAccount": !Ref AWS::AccountId } }
      Policies:
        - PolicyName: call-activities
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [lambda:InvokeFunction]
                Resource:
"#,
    );
    for member in &members {
        let _ = writeln!(
            yaml,
            "                  - !GetAtt {}.Arn",
            function::logical_id(member.definition.handler)
        );
    }
    for member in &members {
        yaml.push_str(&function::resource(member.binary, &member.definition));
    }
    yaml.push_str("\nOutputs:\n  StateMachineRoleArn:\n    Value: !GetAtt StateMachineRole.Arn\n");
    yaml
}
