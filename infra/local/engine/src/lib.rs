//! Step Functions, embedded: the durable engine and its protocol.
