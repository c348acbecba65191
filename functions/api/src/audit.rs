//! The audit log: events, checkpoint, proofs, export.
