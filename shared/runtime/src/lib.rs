//! What every function starts with: configuration, telemetry, SDK clients, the Activity and Endpoint traits, the API pipeline.
