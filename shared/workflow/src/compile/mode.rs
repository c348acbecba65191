//! Standard or express, and why.

use toss_kernel::activity::{IdempotencyLevel, Wait};

use crate::{
    catalogue::Catalogue,
    check::EXPRESS_SECONDS,
    model::{Definition, Mode},
    plan::{Kind, Region},
    target::CompiledMode,
};

pub(super) fn choose(
    definition: &Definition,
    root: &Region<'_>,
    catalogue: &Catalogue,
) -> (CompiledMode, String) {
    match definition.mode.unwrap_or_default() {
        Mode::Standard => return (CompiledMode::Standard, "the definition says 'mode: standard'".to_owned()),
        Mode::Express => return (CompiledMode::Express, "the definition says 'mode: express'".to_owned()),
        Mode::Auto => {}
    }
    let standard = |why: String| (CompiledMode::Standard, why);
    match definition.timeout {
        None => return standard("it has no 'timeout', and express executions end after 5m".to_owned()),
        Some(timeout) if timeout.as_seconds() > EXPRESS_SECONDS => {
            return standard(format!("it may take {timeout}, and express executions end after 5m"));
        }
        Some(_) => {}
    }
    for node in root.all_nodes() {
        if node.step.compensate.is_some() {
            return standard(format!("'{}' is compensated, which must survive a crash", node.name));
        }
        let Some(spec) = catalogue.get(node.activity()).filter(|_| matches!(node.kind, Kind::Task)) else {
            continue;
        };
        if spec.wait == Wait::TaskToken {
            return standard(format!("'{}' waits for someone, which express executions cannot", node.name));
        }
        if spec.idempotency.level != IdempotencyLevel::Pure {
            return standard(format!(
                "'{}' ({}) has effects, and express executions may run a step twice",
                node.name, spec.activity_type
            ));
        }
    }
    (
        CompiledMode::Express,
        "it ends within 5m, waits for nobody, and running a step twice changes nothing".to_owned(),
    )
}
