//! The sealer: audit events that were written join their tenant's Merkle log, whose head is then signed.
//!
//! It reads the audit table's stream of new events. A batch holds events of many tenants; each tenant's are
//! appended in one transaction, and the new head is signed only after the table has taken it. Everything it does
//! may be done again: an event that has its place keeps it, and a head without a signature gets one.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, future::BoxFuture, stream};
use serde_json::Value;
use toss_audit::{LogError, MerkleLog, SignedHead, TrailError, kms::KmsLogSigner, merkle_log};
use toss_kernel::id::{AuditEventId, TenantId};
use toss_runtime::{
    ConfigurationError, Function, FunctionDefinition, FunctionError, Grant, InvocationContext, Platform,
    Sizing, Trigger,
    events::{BatchResponse, StreamEvent, StreamRecord},
    grant::Table,
    scope::of_platform_record,
};
use toss_store::{Entity as _, Store, audit::AuditRecord};

/// Tenants that are sealed at a time.
const AT_ONCE: usize = 8;

/// How often a log that looks damaged is read before that is believed.
const READS_OF_DAMAGE: usize = 3;

/// Its registry line.
pub(crate) const DEFINITION: FunctionDefinition = FunctionDefinition::new("audit-sealer", build)
    .grants(&[Grant::Read(Table::Audit), Grant::Write(Table::Audit), Grant::Sign])
    .triggers(&[Trigger::NewItems { kind: AuditRecord::KIND }])
    .sizing(Sizing::PATIENT);

struct AuditSealer {
    log: MerkleLog<Store, KmsLogSigner>,
}

fn build(platform: &Platform) -> Result<Arc<dyn Function>, ConfigurationError> {
    Ok(Arc::new(AuditSealer { log: merkle_log(platform)? }))
}

/// One tenant's part of a batch.
#[derive(Default)]
struct Part {
    events: Vec<AuditEventId>,
    sequence_numbers: Vec<String>,
}

impl Function for AuditSealer {
    fn invoke<'a>(
        &'a self,
        event: Value,
        _: &'a InvocationContext,
    ) -> BoxFuture<'a, Result<Value, FunctionError>> {
        Box::pin(async move {
            let batch: StreamEvent = serde_json::from_value(event).map_err(|error| {
                FunctionError::new(
                    "AuditSealer.BadEvent",
                    format!("Not a batch of a DynamoDB stream: {error}"),
                )
            })?;
            let response = self.seal(batch).await;
            serde_json::to_value(response)
                .map_err(|error| FunctionError::new("AuditSealer.BadResponse", error.to_string()))
        })
    }
}

impl AuditSealer {
    /// Seals a batch. A tenant whose log cannot be written to now holds back none of the others; its records
    /// are delivered again.
    async fn seal(&self, batch: StreamEvent) -> BatchResponse {
        let mut parts: BTreeMap<TenantId, Part> = BTreeMap::new();
        for record in batch.records {
            let Some((tenant, event)) = new_event(&record) else { continue };
            let part = parts.entry(tenant).or_default();
            part.events.push(event);
            part.sequence_numbers.push(record.dynamodb.sequence_number);
        }
        let mut response = BatchResponse::default();
        let mut sealing = stream::iter(parts)
            .map(|(tenant, part)| async move {
                let outcome = self.seal_part(tenant, &part.events).await;
                (tenant, part, outcome)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((tenant, part, outcome)) = sealing.next().await {
            match outcome {
                Ok(head) => tracing::debug!(%tenant, events = part.events.len(), size = head.size, "sealed"),
                Err(error) if is_damage(&error) => {
                    tracing::error!(%tenant, events = part.events.len(), %error, "a log is damaged and stands still");
                }
                Err(error) => {
                    tracing::error!(%tenant, events = part.events.len(), %error, "a log was not sealed");
                    part.sequence_numbers.into_iter().for_each(|number| response.fail(number));
                }
            }
        }
        response
    }

    async fn seal_part(
        &self,
        tenant: TenantId,
        events: &[AuditEventId],
    ) -> Result<SignedHead, LogError<TrailError>> {
        let scope = of_platform_record(tenant);
        let mut outcome = self.log.seal(&scope, events).await;
        for _ in 1..READS_OF_DAMAGE {
            if !outcome.as_ref().is_err_and(is_damage) {
                break;
            }
            outcome = self.log.seal(&scope, events).await;
        }
        outcome
    }
}

/// Whether the stored log contradicts itself, which no later delivery changes. Such a log stands still until it is
/// repaired: were its records delivered again, the stream would stand still for all tenants.
const fn is_damage(error: &LogError<TrailError>) -> bool {
    matches!(error, LogError::Edge(_) | LogError::Prove(_))
}

/// The event that a record tells of. Anything else than a new audit event is passed over, since no later
/// delivery would make it one: a stream must not stand still for it.
fn new_event(record: &StreamRecord) -> Option<(TenantId, AuditEventId)> {
    let image = record.dynamodb.new_image.as_ref().filter(|_| record.event_name == "INSERT")?;
    let item = serde_json::from_value::<serde_dynamo::Item>(image.clone()).ok();
    let read = item.and_then(|item| serde_dynamo::from_item::<_, AuditRecord>(item).ok());
    let Some(event) = read else {
        let number = &record.dynamodb.sequence_number;
        tracing::error!(number, "a new item of the audit table is no audit event that this version reads");
        return None;
    };
    Some((event.tenant, event.id))
}

#[cfg(test)]
mod tests;
