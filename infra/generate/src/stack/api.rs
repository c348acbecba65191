//! The stack of the API: the REST API and a function for each resource.

use std::fmt::Write as _;

use schemars::SchemaGenerator;
use toss_runtime::api::ResourceDescription;

use super::{function, head};

const API: &str = r#"
  AccessLogs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: 365

  Api:
    Type: AWS::Serverless::Api
    Properties:
      Name: !Ref Prefix
      StageName: live
      EndpointConfiguration: { Type: REGIONAL }
      OpenApiVersion: 3.0.1
      TracingEnabled: true
      BinaryMediaTypes: [application/octet-stream, application/zip, application/pdf, multipart/form-data]
      AccessLogSetting:
        DestinationArn: !GetAtt AccessLogs.Arn
        Format: '{"request_id":"$context.requestId","ip":"$context.identity.sourceIp","time":"$context.requestTime","method":"$context.httpMethod","path":"$context.resourcePath","status":"$context.status","latency_ms":"$context.responseLatency"}'
      MethodSettings:
        - { HttpMethod: "*", ResourcePath: "/*", MetricsEnabled: true, ThrottlingRateLimit: 5000, ThrottlingBurstLimit: 10000 }
"#;

pub(super) fn stack() -> String {
    let mut generator = SchemaGenerator::default();
    let resources = toss_functions_api::resources(&mut generator);
    let parameters = "  OperatorKeySha256:\n    Type: String\n    NoEcho: true\n";
    let mut yaml = head("The REST API: a function for each resource.", parameters);
    yaml.push_str(API);
    let mut definitions = toss_functions_api::functions();
    definitions.sort_by_key(|definition| definition.handler);
    for definition in definitions {
        yaml.push_str(&function::resource("api", &definition));
        yaml.push_str("      Events:\n");
        for resource in resources.iter().filter(|resource| resource.handler == definition.handler) {
            yaml.push_str(&events(resource));
        }
    }
    yaml.push_str(
        r#"
Outputs:
  ApiUrl:
    Value: !Sub "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"
  ApiStageArn:
    Value: !Sub "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${Api}/stages/live"
"#,
    );
    yaml
}

fn events(resource: &ResourceDescription) -> String {
    let mut yaml = String::new();
    for (route, ..) in &resource.routes {
        let method = route.method.to_ascii_lowercase();
        let _ = write!(
            yaml,
            "        {name}:\n          Type: Api\n          Properties: {{ RestApiId: !Ref Api, Path: \"{path}\", Method: {method} }}\n",
            name = function::logical_id(&format!("{method} {}", route.path)),
            path = route.path,
        );
    }
    yaml
}
