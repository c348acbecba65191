//! Activities and senders that talk to the outside.
