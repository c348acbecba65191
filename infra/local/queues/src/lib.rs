//! SQS, embedded and durable.
