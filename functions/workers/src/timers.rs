//! Once a minute: what has become due, over all tenants.
//!
//! Tasks: escalations that no queue could hold back so long, tasks whose time has passed, and decisions that the
//! waiting step was not told of. Webhooks: attempts that are due in more than a quarter of an hour. Whatever is
//! done leaves the list of what is due, so a run that was cut off is continued by the next, and two runs at once
//! do nothing twice.

use std::sync::Arc;

use futures::{StreamExt as _, future::BoxFuture, stream};
use serde_json::{Value, json};
use toss_runtime::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, InvocationContext, Platform, Sizing,
    Trigger,
};
use toss_store::{
    Store, StoreError,
    tasks::{DUE_SHARDS, Task},
};

use crate::teller::{GRANTS, LAST_START, Teller};

/// Tasks that are worked on at a time.
const AT_ONCE: usize = 8;

/// Tasks in one read of the list of what is due.
const PAGE: u32 = 50;

/// Reads of each part of that list in one run.
const PAGES: usize = 10;

/// Its registry line.
pub(crate) const DEFINITION: FunctionDefinition = FunctionDefinition::new("timers", build)
    .grants(GRANTS)
    .triggers(&[Trigger::EveryMinute])
    .sizing(Sizing::PATIENT);

struct Timers {
    teller: Teller,
    store: Store,
}

fn build(platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
    Ok(Arc::new(Timers { teller: Teller::new(platform)?, store: Store::new(platform) }))
}

/// What a run did.
#[derive(Debug, Default)]
struct Run {
    tasks: usize,
    failed: usize,
    /// Whether something that is due was left to the next run.
    more: bool,
}

impl Function for Timers {
    fn invoke<'a>(
        &'a self,
        _: Value,
        context: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(async move {
            let tasks = self.tasks(context).await;
            let deliveries = self.teller.publisher.send_due().await;
            let run = tasks.map_err(|error| FunctionError::new("Timers.Tasks", error.to_string()))?;
            let deliveries =
                deliveries.map_err(|error| FunctionError::new("Timers.Deliveries", error.to_string()))?;
            let Run { tasks, failed, more } = run;
            Ok(json!({ "tasks": tasks, "failed": failed, "more": more, "deliveries": deliveries }))
        })
    }
}

impl Timers {
    async fn tasks(&self, context: &InvocationContext) -> Result<Run, StoreError> {
        let mut run = Run::default();
        for shard in 0..DUE_SHARDS {
            let mut after = None;
            for _ in 0..PAGES {
                let now = self.teller.clock.now();
                if context.deadline.duration_since(now) < LAST_START {
                    run.more = true;
                    return Ok(run);
                }
                let range = Task::due(shard, now).limit(PAGE).after(after);
                let page = self.store.list::<Task>(range).await?;
                self.catch_up(page.items, &mut run).await;
                // Past what failed, so that it holds back nobody else's.
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            run.more |= after.is_some();
        }
        Ok(run)
    }

    async fn catch_up(&self, due: Vec<Task>, run: &mut Run) {
        let mut working = stream::iter(due)
            .map(|found| async move {
                // The index may be a moment behind.
                let task = self.teller.desk.task(&found.scope(), found.id).await?;
                self.teller.catch_up(&task).await
            })
            .buffer_unordered(AT_ONCE);
        while let Some(outcome) = working.next().await {
            run.tasks += 1;
            if let Err(error) = outcome {
                run.failed += 1;
                tracing::warn!(%error, "a task was left to the next run");
            }
        }
    }
}

#[cfg(test)]
mod tests;
