//! The form in which records and snapshots are stored: MessagePack with named fields, so that a field added
//! later does not make older folders unreadable.

use serde::{Serialize, de::DeserializeOwned};

use crate::EngineError;

/// Writes a value. A value that cannot be written is a bug of its type.
pub(crate) fn encode<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<Vec<u8>, EngineError> {
    let mut bytes = Vec::with_capacity(512);
    encode_into(what, value, &mut bytes)?;
    Ok(bytes)
}

/// Writes a value behind what is there.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    what: &'static str,
    value: &T,
    bytes: &mut Vec<u8>,
) -> Result<(), EngineError> {
    let mut serializer = rmp_serde::Serializer::new(bytes).with_struct_map();
    value
        .serialize(&mut serializer)
        .map_err(|error| EngineError::Unreadable { what, reason: error.to_string() })
}

/// Reads a value.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, EngineError> {
    rmp_serde::from_slice(bytes).map_err(|error| EngineError::Unreadable { what, reason: error.to_string() })
}
