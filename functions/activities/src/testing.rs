//! What the tests of this group share.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use toss_kernel::ManualClock;
use toss_runtime::{Activity, FunctionError, InvocationContext, Platform, activity};
use toss_store::testing::Tables;

pub(crate) const NOW: &str = "2026-01-01T00:00:00Z";

pub(crate) fn platform() -> Platform {
    tables_platform(&Tables::new())
}

pub(crate) fn tables_platform(tables: &Tables) -> Platform {
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    tables.platform_with(clock, &[("TOSS_APPROVALS_QUEUE_URL", "http://queue/000000000000/approvals")])
}

pub(crate) fn context() -> InvocationContext {
    InvocationContext {
        request_id: "r".into(),
        received: NOW.parse().unwrap(),
        deadline: Timestamp::MAX,
        trace_id: None,
    }
}

/// Invokes the activity as a compiled workflow does.
pub(crate) fn invoke<A: Activity>(platform: &Platform, parameters: Value) -> Result<Value, FunctionError> {
    invoke_with::<A>(platform, parameters, "token")
}

#[expect(clippy::needless_pass_by_value, reason = "callers write the parameters out")]
pub(crate) fn invoke_with<A: Activity>(
    platform: &Platform,
    parameters: Value,
    token: &str,
) -> Result<Value, FunctionError> {
    let event = json!({
        "context": {
            "tenant": "ten_00000000000000000000000001",
            "workflow": "invoice",
            "workflow_id": "wf_00000000000000000000000001",
            "version": 1,
            "execution": "exe_00000000000000000000000001",
            "step": "step",
            "attempt": 0,
            "entered": "2026-01-01T00:00:00.000Z",
            "task_token": token,
        },
        "parameters": parameters,
    });
    let function = activity::definition::<A>().start(platform).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { function.invoke(event, &context()).await })
}
