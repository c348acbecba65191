//! Signatures: `v1`, HMAC-SHA-256 of `<id>.<timestamp>.<body>` under a shared secret.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{SignedDuration, Timestamp};
use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use toss_kernel::Secret;

const PREFIX: &str = "whsec_";

/// How far a timestamp may lie from the verifier's clock, either way.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A signing secret, shared with the receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Secret<Vec<u8>>);

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A text that is not a signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not the format.
    #[error("not a webhook secret: expected 'whsec_' and the base64 of 24 to 64 bytes")]
    Malformed,
    /// The operating system gave no randomness.
    #[error("the operating system's random generator failed; try again")]
    Randomness,
}

impl WebhookSecret {
    /// A new secret of 32 random bytes.
    ///
    /// # Errors
    /// [`SecretError::Randomness`] when the operating system has none.
    pub fn generate() -> Result<Self, SecretError> {
        let mut bytes = vec![0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| SecretError::Randomness)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// A secret from its text.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] when it is not `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|body| BASE64_STANDARD.decode(body).ok())
            .filter(|bytes| (24..=64).contains(&bytes.len()))
            .ok_or(SecretError::Malformed)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// The text that the receiver is given, once.
    #[must_use]
    pub fn reveal(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(self.0.expose())))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose())
    }
}

/// The three headers of a signed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`: the same for every attempt, so that receivers can tell repeats.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970, of this attempt.
    pub timestamp: String,
    /// `webhook-signature`: one signature for each active secret, separated by spaces.
    pub signature: String,
}

fn content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// Signs a message with every active secret, newest first: while a secret is rotated a receiver verifies with
/// either.
#[must_use]
pub fn sign(secrets: &[WebhookSecret], id: &str, time: Timestamp, body: &[u8]) -> Signed {
    let timestamp = time.as_second().to_string();
    let content = content(id, &timestamp, body);
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&secret.key(), &content))))
        .collect();
    Signed { id: id.to_owned(), timestamp, signature: signatures.join(" ") }
}

/// Why a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The timestamp is not a number.
    #[error("the webhook-timestamp is not a number of seconds")]
    BadTimestamp,
    /// Too old, or from the future.
    #[error("the message was signed more than five minutes from now; check both clocks, or it is a replay")]
    OutOfTime,
    /// No signature fits.
    #[error("no signature of the message is by a known secret")]
    NoMatch,
}

/// Checks a message as a receiver does: some signature must be by some of the secrets, and its time near `now`.
///
/// # Errors
/// [`SignatureError`] saying why not.
pub fn verify(
    secrets: &[WebhookSecret],
    message: &Signed,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let seconds: i64 = message.timestamp.parse().map_err(|_| SignatureError::BadTimestamp)?;
    let time = Timestamp::from_second(seconds).map_err(|_| SignatureError::BadTimestamp)?;
    if now.duration_since(time).abs() > TOLERANCE {
        return Err(SignatureError::OutOfTime);
    }
    let content = content(&message.id, &message.timestamp, body);
    let signatures = message
        .signature
        .split(' ')
        .filter_map(|signature| BASE64_STANDARD.decode(signature.strip_prefix("v1,")?).ok());
    for signature in signatures {
        if secrets.iter().any(|secret| hmac::verify(&secret.key(), &content, &signature).is_ok()) {
            return Ok(());
        }
    }
    Err(SignatureError::NoMatch)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::*;
    use standardwebhooks::Webhook;
    use toss_kernel::{Clock as _, SystemClock};

    use super::*;

    fn headers(signed: &Signed) -> HeaderMap {
        [
            (standardwebhooks::HEADER_WEBHOOK_ID, &signed.id),
            (standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, &signed.timestamp),
            (standardwebhooks::HEADER_WEBHOOK_SIGNATURE, &signed.signature),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect()
    }

    #[test]
    fn the_published_example_has_the_published_signature() {
        // From the specification's reference implementation.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let time = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", time, br#"{"test": 2432232314}"#);
        assert_eq!(signed.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_official_library_takes_our_signatures_while_a_secret_is_rotated() {
        let (new, old) = (WebhookSecret::generate().unwrap(), WebhookSecret::generate().unwrap());
        let body = r#"{"type":"ping","snow":"☃"}"#.as_bytes();
        let signed = sign(&[new.clone(), old.clone()], "evt_1", SystemClock.now(), body);
        for secret in [&new, &old] {
            let library = Webhook::new(secret.reveal().expose()).unwrap();
            library.verify(body, &headers(&signed)).unwrap();
            assert!(library.verify(b"{}", &headers(&signed)).is_err());
        }
        let stranger = Webhook::new(WebhookSecret::generate().unwrap().reveal().expose()).unwrap();
        assert!(stranger.verify(body, &headers(&signed)).is_err());
    }

    #[test]
    fn we_take_the_official_librarys_signatures() {
        let secret = WebhookSecret::generate().unwrap();
        let library = Webhook::new(secret.reveal().expose()).unwrap();
        let now = SystemClock.now();
        let signature = library.sign("evt_1", now.as_second(), b"{}").unwrap();
        let message = Signed { id: "evt_1".into(), timestamp: now.as_second().to_string(), signature };
        assert_eq!(verify(std::slice::from_ref(&secret), &message, b"{}", now), Ok(()));
        let late = now + SignedDuration::from_secs(302);
        assert_eq!(verify(&[secret], &message, b"{}", late), Err(SignatureError::OutOfTime));
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_and_does_not_print() {
        let secret = WebhookSecret::generate().unwrap();
        assert_eq!(WebhookSecret::parse(secret.reveal().expose()).unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert!(WebhookSecret::parse(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_signature_header_makes_the_verifier_panic_or_pass(signature in ".{0,120}", timestamp in "-?[0-9]{0,22}", id in ".{0,20}") {
            let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
            let message = Signed { id, timestamp, signature };
            let refusal = verify(&[secret], &message, b"body", Timestamp::UNIX_EPOCH);
            prop_assert!(refusal.is_err());
        }
    }
}
