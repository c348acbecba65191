//! What this crate's tests share.

use std::{collections::BTreeMap, future::Future};

use ed25519_dalek::{Signer as _, SigningKey};
use toss_kernel::id::{AuditEventId, TenantId};

use crate::{
    Actor, AuditEvent, Outcome, Target,
    checkpoint::{LogSigner, PUBLIC_KEY_LENGTH, SIGNATURE_LENGTH},
    keys::KeyServiceError,
};

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn tenant() -> TenantId {
    "ten_00000000000000000000000007".parse().unwrap()
}

pub(crate) fn event_id(number: u32) -> AuditEventId {
    format!("aud_{number:026}").parse().unwrap()
}

pub(crate) fn event(number: u32, action: &str) -> AuditEvent {
    AuditEvent {
        id: event_id(number),
        time: "2026-01-01T00:00:00.000456Z".parse().unwrap(),
        actor: Actor {
            tenant: tenant(),
            principal: "ada".to_owned(),
            on_behalf_of: None,
            client: None,
            key: None,
            ip: Some("203.0.113.9".parse().unwrap()),
        },
        action: action.parse().unwrap(),
        target: Target { kind: "workflow".to_owned(), id: "wf_1".to_owned() },
        outcome: Outcome::Success,
        reasons: Vec::new(),
        details: BTreeMap::new(),
    }
}

/// A log key in memory.
pub(crate) struct TestSigner(SigningKey);

impl TestSigner {
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }
}

impl LogSigner for TestSigner {
    async fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LENGTH], KeyServiceError> {
        Ok(self.0.verifying_key().to_bytes())
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_LENGTH], KeyServiceError> {
        Ok(self.0.sign(message).to_bytes())
    }
}
