//! Rate counters: a generic cell rate algorithm whose state moves in blocks.
//!
//! The item holds one number, the theoretical arrival time (TAT): when the last cell admitted so far would have
//! arrived, had all come at the exact rate. A function takes a block of cells with one conditional write and
//! spends it in memory.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use crate::{Key, Store, StoreError, Table, store::key_attributes};
use toss_kernel::{TenantScope, id::KeyId};

/// A limit in the units of its counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gcra {
    /// Microseconds between two cells at the exact rate.
    pub interval: i64,
    /// Microseconds by which the TAT may lie ahead of the present: the burst.
    pub tolerance: i64,
}

/// What a counter answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The cells are ours; the TAT is now this.
    Granted(i64),
    /// Too many; the TAT is this.
    Refused(i64),
}

/// Names the counter of an API key, or the operator's.
#[must_use]
pub fn rate_key(holder: Option<(&TenantScope, KeyId)>) -> Key {
    match holder {
        Some((scope, key)) => Key::of_tenant(scope, "rate", key.to_string()),
        None => Key::of_platform("rate", "operator"),
    }
}

/// How often a write is tried again that met another one.
const ATTEMPTS: usize = 8;

/// How long after its last use a counter is kept, in seconds.
const KEPT: i64 = 3600;

impl Store {
    /// Takes so many cells, all or none.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn take_cells(
        &self,
        counter: &Key,
        limit: Gcra,
        cells: u32,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let micros = now.as_microsecond();
        let cost = limit.interval.saturating_mul(i64::from(cells));
        let latest = micros.saturating_add(limit.tolerance).saturating_sub(cost);
        let (mut seen, start) = (None, micros.saturating_add(cost));
        for _ in 0..ATTEMPTS {
            // A counter in use: its TAT lies ahead, and moves on by the cost.
            let (update, condition) = ("SET tat = tat + :step, #ttl = :ttl", "tat > :now AND tat <= :latest");
            let ahead = self
                .move_tat(counter, now, update, condition)?
                .expression_attribute_values(":step", number(cost))
                .expression_attribute_values(":now", number(micros))
                .expression_attribute_values(":latest", number(latest));
            match outcome(ahead).await? {
                Ok(tat) => return Ok(Taken::Granted(tat)),
                Err(Some(tat)) if tat > latest => return Ok(Taken::Refused(tat)),
                Err(tat) => seen = tat,
            }
            // A counter at rest: it starts from the present, unless another function starts it first.
            let (update, condition) =
                ("SET tat = :start, #ttl = :ttl", "attribute_not_exists(tat) OR tat <= :now");
            let idle = self
                .move_tat(counter, now, update, condition)?
                .expression_attribute_values(":start", number(start))
                .expression_attribute_values(":now", number(micros));
            match outcome(idle).await? {
                Ok(tat) => return Ok(Taken::Granted(tat)),
                Err(tat) => seen = tat.or(seen),
            }
        }
        Ok(Taken::Refused(seen.unwrap_or(start)))
    }

    fn move_tat(
        &self,
        counter: &Key,
        now: Timestamp,
        update: &str,
        condition: &str,
    ) -> Result<aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder, StoreError> {
        let (client, table) = self.raw(Table::Limits)?;
        Ok(client
            .update_item()
            .table_name(table)
            .set_key(Some(key_attributes(counter)))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":ttl", number(now.as_second().saturating_add(KEPT)))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn tat(item: Option<&std::collections::HashMap<String, AttributeValue>>) -> Option<i64> {
    item?.get("tat")?.as_n().ok()?.parse().ok()
}

/// The new TAT, or the one that failed the condition.
async fn outcome(
    update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder,
) -> Result<Result<i64, Option<i64>>, StoreError> {
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
    match update.send().await {
        Ok(answer) => Ok(Ok(tat(answer.attributes()).unwrap_or(i64::MAX))),
        Err(error) => match error.as_service_error() {
            Some(ConditionalCheckFailedException(failure)) => Ok(Err(tat(failure.item()))),
            _ => Err(StoreError::from_sdk(error)),
        },
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Tables;

    #[tokio::test]
    async fn a_counter_admits_the_burst_and_then_the_rate() {
        let store = Tables::new().store();
        let counter = rate_key(None);
        let limit = Gcra { interval: 100_000, tolerance: 500_000 };
        let mut now = Timestamp::from_second(1_800_000_000).unwrap();
        for _ in 0..5 {
            assert!(matches!(store.take_cells(&counter, limit, 1, now).await.unwrap(), Taken::Granted(_)));
        }
        assert!(matches!(store.take_cells(&counter, limit, 1, now).await.unwrap(), Taken::Refused(_)));
        now += SignedDuration::from_millis(100);
        assert!(matches!(store.take_cells(&counter, limit, 1, now).await.unwrap(), Taken::Granted(_)));
        assert!(matches!(store.take_cells(&counter, limit, 1, now).await.unwrap(), Taken::Refused(_)));
        now += SignedDuration::from_secs(60);
        assert!(matches!(store.take_cells(&counter, limit, 5, now).await.unwrap(), Taken::Granted(_)));
        assert!(matches!(store.take_cells(&counter, limit, 1, now).await.unwrap(), Taken::Refused(_)));
    }

    #[tokio::test]
    async fn callers_that_come_at_once_to_a_counter_at_rest_are_all_admitted() {
        let store = Tables::new().store();
        let (counter, limit) = (rate_key(None), Gcra { interval: 1000, tolerance: 1_000_000 });
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let take = || store.take_cells(&counter, limit, 1, now);
        let taken = tokio::join!(take(), take(), take(), take(), take(), take());
        let all: [Result<Taken, StoreError>; 6] = taken.into();
        assert!(all.iter().all(|taken| matches!(taken, Ok(Taken::Granted(_)))), "{all:?}");
    }
}
