//! KMS, embedded and durable.
