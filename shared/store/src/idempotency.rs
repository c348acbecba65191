//! Answers kept under idempotency keys.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toss_kernel::{
    TenantScope,
    id::{ClientId, TenantId},
};
use ulid::Ulid;

use crate::{Entity, Key, Store, StoreError, Table, store::key_attributes};

/// Whose idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    holder: Option<(TenantId, ClientId)>,
    key: String,
}

impl IdempotencyKey {
    /// A key that a tenant's client sent.
    #[must_use]
    pub fn of_client(scope: &TenantScope, client: ClientId, key: &str) -> Self {
        Self { holder: Some((scope.tenant(), client)), key: key.to_owned() }
    }

    /// A key that the operator sent.
    #[must_use]
    pub fn of_operator(key: &str) -> Self {
        Self { holder: None, key: key.to_owned() }
    }

    fn store_key(&self) -> Key {
        match &self.holder {
            Some((tenant, client)) => Key::of_item(*tenant, "idempotency", format!("{client}#{}", self.key)),
            None => Key::of_platform("idempotency", self.key.clone()),
        }
    }

    /// Names the key in what its answer's encryption is bound to.
    #[must_use]
    pub fn binding(&self) -> String {
        let key = self.store_key();
        format!("{}\n{}", key.pk, key.sk)
    }
}

/// What is known under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    #[serde(skip, default = "nobody")]
    key: IdempotencyKey,
    /// SHA-256 of the request, in hexadecimal.
    pub fingerprint: String,
    /// What the request's ids are made from.
    pub seed: String,
    /// Until when the request that holds the key may still be at work, in milliseconds since 1970.
    pub held_until: i64,
    /// The answer, encrypted, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When it is forgotten, in seconds since 1970.
    pub forgotten_at: i64,
    /// How often it was replaced.
    pub revision: u64,
}

const fn nobody() -> IdempotencyKey {
    IdempotencyKey { holder: None, key: String::new() }
}

/// How long a request may hold a key: longer than any function of the API runs.
const HELD_SECONDS: i64 = 60;
/// How long an answer is kept.
const KEPT_SECONDS: i64 = 24 * 3600;

impl Entity for IdempotencyRecord {
    const TABLE: Table = Table::Limits;
    const KIND: &'static str = "idempotency";

    fn key(&self) -> Key {
        self.key.store_key()
    }

    fn expires(&self) -> Option<i64> {
        Some(self.forgotten_at)
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// The key is held for this request; ids are made from the seed.
    Fresh(Ulid),
    /// Another request holds it until this time.
    Held(Timestamp),
    /// The answer that was given, encrypted.
    Answered(String),
    /// It was used for another request.
    Mismatch,
}

impl Store {
    /// Claims a key for the request with this fingerprint.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn claim(
        &self,
        key: &IdempotencyKey,
        fingerprint: &str,
        seed: Ulid,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let fresh = IdempotencyRecord {
            key: key.clone(),
            fingerprint: fingerprint.to_owned(),
            seed: seed.to_string(),
            held_until: now.as_millisecond() + HELD_SECONDS * 1000,
            answer: None,
            forgotten_at: now.as_second() + KEPT_SECONDS,
            revision: 0,
        };
        match self.create(&fresh).await {
            Err(StoreError::Conflict) => {}
            outcome => return outcome.map(|()| Claimed::Fresh(seed)),
        }
        let Some(mut found) = self.get::<IdempotencyRecord>(&key.store_key()).await? else {
            return Err(StoreError::Contention);
        };
        found.key = key.clone();
        if found.forgotten_at <= now.as_second() {
            // Expired, and not yet deleted.
            let mut next = IdempotencyRecord { revision: found.revision, ..fresh };
            return self.replace(&mut next).await.map(|()| Claimed::Fresh(seed));
        }
        if found.fingerprint != fingerprint {
            return Ok(Claimed::Mismatch);
        }
        if let Some(answer) = found.answer {
            return Ok(Claimed::Answered(answer));
        }
        if found.held_until > now.as_millisecond() {
            let until = Timestamp::from_millisecond(found.held_until).unwrap_or(Timestamp::MAX);
            return Ok(Claimed::Held(until));
        }
        found.held_until = fresh.held_until;
        let seed = Ulid::from_string(&found.seed).unwrap_or(seed);
        match self.replace(&mut found).await {
            Ok(()) => Ok(Claimed::Fresh(seed)),
            Err(StoreError::Conflict) => Ok(Claimed::Held(now)),
            Err(error) => Err(error),
        }
    }

    /// Keeps the answer under a key that is held.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn keep_answer(
        &self,
        key: &IdempotencyKey,
        fingerprint: &str,
        answer: String,
    ) -> Result<(), StoreError> {
        let (client, table) = self.raw(Table::Limits)?;
        let outcome = client
            .update_item()
            .table_name(table)
            .set_key(Some(key_attributes(&key.store_key())))
            .update_expression("SET answer = :answer")
            .condition_expression("fingerprint = :fingerprint AND attribute_not_exists(answer)")
            .expression_attribute_values(":answer", AttributeValue::S(answer))
            .expression_attribute_values(":fingerprint", AttributeValue::S(fingerprint.to_owned()))
            .send()
            .await;
        match outcome.map(drop).map_err(StoreError::from_sdk) {
            // The answer of whoever took the key over counts.
            Err(StoreError::Conflict) => Ok(()),
            outcome => outcome,
        }
    }

    /// Lets a held key go, so that the same request may be tried again at once.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn release(&self, key: &IdempotencyKey) -> Result<(), StoreError> {
        let Some(mut found) = self.get::<IdempotencyRecord>(&key.store_key()).await? else { return Ok(()) };
        if found.answer.is_some() {
            return Ok(());
        }
        found.key = key.clone();
        found.held_until = 0;
        match self.replace(&mut found).await {
            Err(StoreError::Conflict) => Ok(()),
            outcome => outcome,
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::testing::Tables;

    #[tokio::test]
    async fn a_key_is_held_then_answered_and_never_serves_another_request() {
        let store = Tables::new().store();
        let (key, now) = (IdempotencyKey::of_operator("k"), Timestamp::from_second(1_800_000_000).unwrap());
        let seed = Ulid(7);
        assert_eq!(store.claim(&key, "a", seed, now).await.unwrap(), Claimed::Fresh(seed));
        assert!(matches!(store.claim(&key, "a", Ulid(8), now).await.unwrap(), Claimed::Held(_)));
        assert_eq!(store.claim(&key, "b", Ulid(8), now).await.unwrap(), Claimed::Mismatch);
        store.keep_answer(&key, "a", "sealed".into()).await.unwrap();
        store.keep_answer(&key, "a", "late".into()).await.unwrap();
        assert_eq!(store.claim(&key, "a", Ulid(8), now).await.unwrap(), Claimed::Answered("sealed".into()));
        let later = now + SignedDuration::from_hours(25);
        assert_eq!(store.claim(&key, "b", Ulid(9), later).await.unwrap(), Claimed::Fresh(Ulid(9)));
    }

    #[tokio::test]
    async fn a_key_whose_holder_died_goes_on_with_the_same_seed() {
        let store = Tables::new().store();
        let (key, now) = (IdempotencyKey::of_operator("k"), Timestamp::from_second(1_800_000_000).unwrap());
        store.claim(&key, "a", Ulid(7), now).await.unwrap();
        let later = now + SignedDuration::from_secs(61);
        assert_eq!(store.claim(&key, "a", Ulid(8), later).await.unwrap(), Claimed::Fresh(Ulid(7)));
        store.release(&key).await.unwrap();
        assert_eq!(store.claim(&key, "a", Ulid(8), later).await.unwrap(), Claimed::Fresh(Ulid(7)));
    }
}
