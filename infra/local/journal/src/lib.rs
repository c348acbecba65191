//! A durable, append-only journal with group commit.
