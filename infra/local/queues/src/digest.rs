//! The MD5 digests that SQS answers and SDKs verify. MD5 is a checksum here, not a safeguard.
//!
//! Source: "Calculating the MD5 message digest for message attributes" in the SQS developer guide.

use std::collections::BTreeMap;

use md5::{Digest, Md5};

use crate::message::{AttributeContent, MessageAttribute};

const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The digest of a body.
pub(crate) fn of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// The digest of message attributes, in the order of their names; none if there are none.
pub(crate) fn of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let sorted: BTreeMap<_, _> = attributes.into_iter().collect();
    if sorted.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in sorted {
        add(&mut digest, name.as_bytes());
        add(&mut digest, attribute.data_type.as_bytes());
        match &attribute.content {
            AttributeContent::Text(text) => {
                digest.update([TEXT]);
                add(&mut digest, text.as_bytes());
            }
            AttributeContent::Binary(bytes) => {
                digest.update([BINARY]);
                add(&mut digest, bytes);
            }
        }
    }
    Some(hex(&digest.finalize()))
}

fn add(digest: &mut Md5, bytes: &[u8]) {
    // INVARIANT: no message is larger than 1 MiB, so the length fits.
    digest.update((bytes.len() as u32).to_be_bytes());
    digest.update(bytes);
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
