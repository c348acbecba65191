//! The form of an API key: `toss_<environment>_<id>_<secret><checksum>`.
//!
//! The id finds the key's record in one read, the secret is 43 characters of base 62 (256 bits), and the
//! checksum, 6 characters of base 62, is the CRC-32 of all before it: a mistyped key is refused without a
//! read, and secret scanners recognise a true one.

use std::fmt::Write as _;

use ring::rand::{SecureRandom, SystemRandom};
use toss_kernel::{Secret, id::KeyId};
use ulid::Ulid;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator failed; try again")]
pub struct RandomnessError;

/// An environment's name as it stands in keys: lower-case letters, digits and hyphens.
#[must_use]
pub fn environment_name(environment: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    environment.chars().map(plain).collect()
}

/// A new key with this id.
///
/// # Errors
/// [`RandomnessError`].
pub fn generate(environment: &str, id: KeyId) -> Result<Secret<String>, RandomnessError> {
    let mut text = format!("toss_{}_{}_", environment_name(environment), id.ulid());
    let end = text.len() + SECRET_LENGTH;
    let random = SystemRandom::new();
    while text.len() < end {
        let mut bytes = [0_u8; 64];
        random.fill(&mut bytes).map_err(|_| RandomnessError)?;
        // 248 is the last multiple of 62: bytes above it would make some characters likelier.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let missing = end - text.len();
        text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])).take(missing));
    }
    let sum = checksum(&text);
    text.push_str(&sum);
    Ok(Secret::new(text))
}

/// The id of a key of this environment; `None` when the text is not one.
#[must_use]
pub fn parse(environment: &str, text: &str) -> Option<KeyId> {
    if text.len() > 256 || !text.is_ascii() {
        return None;
    }
    let (front, tail) = text.rsplit_once('_')?;
    if tail.len() != SECRET_LENGTH + CHECKSUM_LENGTH || !tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let (signed, sum) = text.split_at(text.len() - CHECKSUM_LENGTH);
    if checksum(signed) != sum {
        return None;
    }
    let (front, id) = front.rsplit_once('_')?;
    if front.strip_prefix("toss_")? != environment_name(environment) {
        return None;
    }
    let ulid = Ulid::from_string(id).ok()?;
    (ulid.to_string() == id).then(|| KeyId::from_ulid(ulid))
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(rest % 62).unwrap_or_default()];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hexadecimal.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> KeyId {
        KeyId::from_ulid(Ulid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef))
    }

    #[test]
    fn a_key_names_its_id_in_its_own_environment_only() {
        let key = generate("local", id()).unwrap();
        assert_eq!(parse("local", key.expose()), Some(id()));
        assert_eq!(parse("prod", key.expose()), None);
        assert_eq!(key.expose().len(), "toss_local_".len() + 26 + 1 + 49);
        assert_ne!(generate("local", id()).unwrap().expose(), key.expose());
    }

    #[test]
    fn an_environment_with_odd_characters_still_makes_keys_that_parse() {
        let key = generate("My_Env.1", id()).unwrap();
        assert!(key.expose().starts_with("toss_my-env-1_"));
        assert_eq!(parse("My_Env.1", key.expose()), Some(id()));
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(at in 0_usize..80, with in "[0-9A-Za-z]") {
            let key = generate("local", id()).unwrap().expose().clone();
            let at = at.min(key.len() - 1);
            let mut changed = key.clone();
            changed.replace_range(at..=at, &with);
            prop_assume!(changed != key);
            prop_assert_eq!(parse("local", &changed), None);
        }

        #[test]
        fn no_text_makes_the_parser_fail(text in "\\PC{0,120}") {
            let _ = parse("local", &text);
            let _ = unhex(&text);
        }
    }
}
