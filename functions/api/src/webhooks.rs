//! Webhook endpoints, their secrets and their deliveries.
