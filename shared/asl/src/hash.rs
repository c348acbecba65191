//! The digests that `States.Hash` and JSONata's `$hash` offer.

use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt::Write as _;

/// The digest of a text in hexadecimal digits, or `None` for an unknown algorithm.
pub(crate) fn digest(algorithm: &str, data: &str) -> Option<String> {
    let bytes = data.as_bytes();
    Some(match algorithm {
        "MD5" => format!("{:x}", md5::compute(bytes)),
        "SHA-1" => sha1_smol::Sha1::from(bytes).digest().to_string(),
        "SHA-256" => hexadecimal(&Sha256::digest(bytes)),
        "SHA-384" => hexadecimal(&Sha384::digest(bytes)),
        "SHA-512" => hexadecimal(&Sha512::digest(bytes)),
        _ => return None,
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
