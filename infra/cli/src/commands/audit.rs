//! `toss audit verify`: proofs, offline, with nothing but the log's public key.

use std::{path::Path, process::ExitCode};

use serde_json::json;
use toss_audit::{VerifierKey, verify_inclusion};

use super::read;
use crate::{arguments::Audit, failure::Failure};

pub(super) fn run(Audit::Verify { proof, leaf, key }: Audit, json: bool) -> Result<ExitCode, Failure> {
    let proof_text = read(&proof)?;
    let leaf =
        std::fs::read(&leaf).map_err(|source| Failure::File { path: leaf.display().to_string(), source })?;
    let key = if Path::new(&key).exists() { read(Path::new(&key))? } else { key };
    let key: VerifierKey = key
        .trim()
        .parse()
        .map_err(|error| Failure::Usage(format!("the verifier key is not one: {error}")))?;
    let inclusion = verify_inclusion(&proof_text, &leaf, &key)
        .map_err(|error| Failure::Broken(format!("the proof does not hold: {error}")))?;
    if json {
        let root = inclusion.checkpoint.root.to_string();
        println!(
            "{}",
            json!({ "ok": true, "index": inclusion.index, "size": inclusion.checkpoint.size, "root": root })
        );
    } else {
        println!(
            "verified: the event is number {} of {} in the log, whose signature is genuine",
            inclusion.index, inclusion.checkpoint.size
        );
    }
    Ok(ExitCode::SUCCESS)
}
