//! The tenant's audit log: its events, and the proofs that nobody changed them.
//!
//! Whoever holds the log's public key checks all of it without trusting the platform: the leaf of an event, the
//! proof that the log holds it, the signed head, and the proof that a later log begins with an earlier one.

mod events;
mod log;
mod scan;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use http::Method;
use jiff::Timestamp;
use toss_audit::{MerkleLog, Trail, kms::KmsLogSigner, merkle_log};
use toss_kernel::{Clock, id::TenantId};
use toss_runtime::{
    ConfigurationError, Grant, Platform,
    api::{Access, Reply, Resource, Route},
    grant::Table,
};
use toss_store::Store;

use crate::record::Recorder;

/// The endpoint.
pub(crate) struct Audit {
    store: Store,
    trail: Trail,
    log: MerkleLog<Store, KmsLogSigner>,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    /// When each reader was last put on record by this function.
    readers: Mutex<HashMap<(TenantId, String), Timestamp>>,
}

impl Resource for Audit {
    const HANDLER: &'static str = "audit";
    const SUMMARY: &'static str = "The tenant's audit log, and proofs that nobody changed it.";
    // Signing: a head whose sealer died before it signed is signed for whoever asks for it.
    const GRANTS: &'static [Grant] = &[Grant::Read(Table::Audit), Grant::Sign];

    fn build(platform: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self {
            store: Store::new(platform),
            trail: Trail::new(platform)?,
            log: merkle_log(platform)?,
            recorder: Recorder::new(platform)?,
            clock: Arc::clone(&platform.clock),
            readers: Mutex::default(),
        })
    }

    fn routes() -> Vec<Route<Self>> {
        let (read, export) = (Access::Action("audit:read"), Access::Action("audit:export"));
        let (all, one) = ("/v1/audit/events", "/v1/audit/events/{id}");
        let (leaf, proof) = ("/v1/audit/events/{id}/leaf", "/v1/audit/events/{id}/proof");
        let (head, key) = ("/v1/audit/checkpoint", "/v1/audit/key");
        let (consistency, file) = ("/v1/audit/consistency", "/v1/audit/export");
        let (the_proof, the_file) = (
            "Proof that the log holds an event (C2SP tlog-proof)",
            "Events as JSON Lines in OCSF, oldest first",
        );
        vec![
            Route::new(Method::GET, all, read, 200, "Events, newest first", Self::list),
            Route::new(Method::GET, one, read, 200, "One event", Self::event),
            Route::new(Method::GET, leaf, read, 200, "The bytes that the log commits to", Self::leaf)
                .text_answer(TEXT),
            Route::new(Method::GET, proof, read, 200, the_proof, Self::proof).text_answer(TEXT),
            Route::new(
                Method::GET,
                head,
                read,
                200,
                "The signed head (C2SP tlog-checkpoint)",
                Self::checkpoint,
            )
            .text_answer(TEXT),
            Route::new(
                Method::GET,
                consistency,
                read,
                200,
                "Proof that the log only grew",
                Self::consistency,
            )
            .text_answer(TEXT),
            Route::new(Method::GET, key, read, 200, "The log's public key, for verifiers", Self::key)
                .text_answer(TEXT),
            Route::new(Method::GET, file, export, 200, the_file, Self::export)
                .text_answer("application/x-ndjson"),
        ]
    }
}

const TEXT: &str = "text/plain";

/// An answer that is text as it stands.
fn text(text: String) -> Reply<String> {
    Reply::ok(text).with_header("Content-Type", "text/plain; charset=utf-8")
}
