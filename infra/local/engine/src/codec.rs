//! The form in which records and snapshots are stored: MessagePack with named fields, so that a field added
//! later does not make older folders unreadable.

use serde::{Serialize, de::DeserializeOwned};

use crate::EngineError;

/// Writes a value. A value that cannot be written is a bug of its type.
pub(crate) fn encode<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    value
        .serialize(&mut serializer)
        .map_err(|error| EngineError::Unreadable { what, reason: error.to_string() })?;
    Ok(bytes)
}

/// Reads a value.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, EngineError> {
    rmp_serde::from_slice(bytes).map_err(|error| EngineError::Unreadable { what, reason: error.to_string() })
}
