//! What the tests of this group's activities share.

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_runtime::{Activity, FunctionError, InvocationContext, Platform, activity};

/// Invokes the activity as a compiled workflow does.
pub(crate) async fn invoke<A: Activity>(
    platform: &Platform,
    parameters: Value,
) -> Result<Value, FunctionError> {
    let event = json!({
        "context": {
            "tenant": "ten_00000000000000000000000001",
            "workflow": "invoice",
            "workflow_id": "wf_00000000000000000000000001",
            "version": 1,
            "execution": "exe_00000000000000000000000001",
            "step": "pay",
            "attempt": 0,
            "entered": "2026-01-01T00:00:00.000Z",
        },
        "parameters": parameters,
    });
    let context = InvocationContext {
        request_id: "r".into(),
        received: platform.clock.now(),
        deadline: Timestamp::MAX,
        trace_id: None,
    };
    activity::definition::<A>().start(platform).unwrap().invoke(event, &context).await
}
