//! Audit events, envelope encryption, the Merkle log and its proofs.
