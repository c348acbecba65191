//! Brings audit events from the table stream into the Merkle logs of their tenants.
