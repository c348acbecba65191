//! Resource types that a home on one machine can leave out.

/// Whether nothing that a function can observe depends on resources of this type: they watch, route names,
/// hold logs or let AWS services reach each other, which they do here without asking.
pub(in crate::template) fn harmless(kind: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "AWS::ApplicationAutoScaling::",
        "AWS::ApplicationInsights::",
        "AWS::Backup::",
        "AWS::Budgets::",
        "AWS::CloudWatch::",
        "AWS::CodeDeploy::",
        "AWS::EC2::",
        "AWS::Logs::",
        "AWS::Route53::",
        "AWS::SNS::",
        "AWS::Synthetics::",
        "AWS::WAFv2::",
        "AWS::XRay::",
    ];
    const TYPES: &[&str] = &[
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::GatewayResponse",
        "AWS::ApiGateway::RequestValidator",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::CertificateManager::Certificate",
        "AWS::CloudFormation::WaitConditionHandle",
        "AWS::DynamoDB::GlobalTableReplica",
        "AWS::IAM::ServiceLinkedRole",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::ResourceGroups::Group",
        "AWS::SQS::QueuePolicy",
        "AWS::SSM::Parameter",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::ServiceCatalogAppRegistry::Application",
    ];
    TYPES.contains(&kind) || PREFIXES.iter().any(|prefix| kind.starts_with(prefix))
}
