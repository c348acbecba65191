//! Delivers webhooks from their queue.
