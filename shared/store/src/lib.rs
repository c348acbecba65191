//! Tables, keys and item types; the only crate that names a DynamoDB attribute.
