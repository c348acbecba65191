//! Workflows as the API shows them.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;
use toss_kernel::id::WorkflowId;
use toss_store::workflows::{SourceFormat, Workflow, WorkflowVersion};
use toss_workflow::{Format, parse};

/// A workflow in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct WorkflowView {
    name: String,
    id: WorkflowId,
    /// The newest version.
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Workflow> for WorkflowView {
    fn from(workflow: Workflow) -> Self {
        Self {
            name: workflow.name,
            id: workflow.id,
            version: workflow.latest,
            title: workflow.title,
            created_at: workflow.created_at,
            updated_at: workflow.updated_at,
        }
    }
}

/// A version that was made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct CreatedView {
    name: String,
    id: WorkflowId,
    version: u32,
    /// The activity types it uses.
    activities: Vec<String>,
    created_at: Timestamp,
}

impl From<WorkflowVersion> for CreatedView {
    fn from(version: WorkflowVersion) -> Self {
        Self {
            name: version.name,
            id: version.workflow,
            version: version.version,
            activities: version.activities,
            created_at: version.created_at,
        }
    }
}

/// A version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct VersionView {
    name: String,
    id: WorkflowId,
    version: u32,
    /// How its author wrote it.
    format: SourceFormat,
    activities: Vec<String>,
    created_by: String,
    created_at: Timestamp,
    /// What an execution's input must fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_schema: Option<Value>,
    /// The definition as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Value>,
    /// The definition as its author wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl VersionView {
    pub(super) fn of(version: WorkflowVersion, whole: bool) -> Self {
        let language = match version.format {
            SourceFormat::Json => Format::Json,
            SourceFormat::Yaml => Format::Yaml,
        };
        let definition = whole.then(|| parse(&version.source, language).ok()).flatten();
        Self {
            name: version.name,
            id: version.workflow,
            version: version.version,
            format: version.format,
            activities: version.activities,
            created_by: version.created_by,
            created_at: version.created_at,
            input_schema: version.input_schema.filter(|_| whole),
            definition: definition.map(|document| document.value().clone()),
            source: whole.then_some(version.source),
        }
    }
}

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct ProblemView(pub(super) Value);

impl JsonSchema for ProblemView {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DefinitionProblem".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["pointer", "code", "message"],
            "properties": {
                "pointer": { "type": "string", "description": "JSON pointer of the place, such as `/steps/pay/with/url`." },
                "line": { "type": "integer", "description": "In the author's text, from 1." },
                "column": { "type": "integer", "description": "In the author's text, from 1." },
                "code": { "type": "string", "description": "A stable code, such as `unknown-step`." },
                "message": { "type": "string", "description": "What is wrong and what to do about it." },
            },
        })
    }
}
