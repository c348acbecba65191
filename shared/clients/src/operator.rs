//! The operator's key: a secret of the deployment, known to the functions by its digest only.

use ring::{digest, hmac, rand::SystemRandom};
use toss_runtime::{ConfigurationError, Environment};

use crate::text::unhex;

const VARIABLE: &str = "TOSS_OPERATOR_KEY_SHA256";

/// Recognises the operator's key.
pub struct OperatorKey {
    digest: Vec<u8>,
    blind: hmac::Key,
}

impl OperatorKey {
    /// From `TOSS_OPERATOR_KEY_SHA256`, in hexadecimal.
    ///
    /// # Errors
    /// [`ConfigurationError`] when it is missing or not a SHA-256.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigurationError> {
        let invalid =
            |reason: &str| ConfigurationError::Invalid { name: VARIABLE, reason: reason.to_owned() };
        let digest = unhex(environment.required(VARIABLE)?).filter(|digest| digest.len() == 32);
        let digest = digest.ok_or_else(|| invalid("it must be 64 hexadecimal digits"))?;
        let blind = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| invalid("the operating system's random generator failed"))?;
        Ok(Self { digest, blind })
    }

    /// Whether this is the operator's key, in a time that does not depend on how much of it is right.
    #[must_use]
    pub fn matches(&self, bearer: &str) -> bool {
        let given = digest::digest(&digest::SHA256, bearer.as_bytes());
        let tag = hmac::sign(&self.blind, given.as_ref());
        hmac::verify(&self.blind, &self.digest, tag.as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::hex;

    #[test]
    fn only_the_operators_key_matches_its_digest() {
        let digest = hex(digest::digest(&digest::SHA256, b"op-secret").as_ref());
        let environment: Environment = [(VARIABLE, digest)].into_iter().collect();
        let key = OperatorKey::from_environment(&environment).unwrap();
        assert!(key.matches("op-secret"));
        assert!(!key.matches("op-secre"));
        assert!(!key.matches(""));
    }

    #[test]
    fn a_digest_of_the_wrong_form_fails_at_start() {
        for bad in ["", "00", "zz", "ßßß"] {
            let environment: Environment = [(VARIABLE, bad)].into_iter().collect();
            assert!(OperatorKey::from_environment(&environment).is_err(), "{bad}");
        }
    }
}
