//! Webhooks: signing and retry schedule; and the outbound guard that every call to the outside passes.
