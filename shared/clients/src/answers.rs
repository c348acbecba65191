//! Answers kept under idempotency keys, encrypted: an answer may hold a key that is shown once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{Aad, NONCE_LEN, Nonce},
    rand::{SecureRandom, SystemRandom},
};
use toss_runtime::api::ProxyResponse;
use toss_store::idempotency::IdempotencyKey;

use crate::{SecretError, Secrets};

/// Why an answer cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the stored answer does not open: it was changed, or kept under another idempotency key")]
    DoesNotOpen,
    #[error("the answer cannot be encrypted")]
    DoesNotSeal,
}

fn associated(key: &IdempotencyKey, fingerprint: &str) -> Aad<String> {
    Aad::from(format!("toss-answer/v1\n{}\n{fingerprint}\n", key.binding()))
}

/// `v<version>.<nonce, ciphertext and tag in Base64>`.
pub(crate) async fn seal(
    secrets: &Secrets,
    key: &IdempotencyKey,
    fingerprint: &str,
    answer: &ProxyResponse,
) -> Result<String, AnswerError> {
    let secret = secrets.newest().await?;
    let mut nonce = [0_u8; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| AnswerError::DoesNotSeal)?;
    let mut body = serde_json::to_vec(answer).map_err(|_| AnswerError::DoesNotSeal)?;
    secret
        .answers
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            associated(key, fingerprint),
            &mut body,
        )
        .map_err(|_| AnswerError::DoesNotSeal)?;
    Ok(format!("v{}.{}", secret.version, STANDARD.encode([&nonce[..], &body].concat())))
}

/// The answer that was sealed for the same key and request.
pub(crate) async fn open(
    secrets: &Secrets,
    key: &IdempotencyKey,
    fingerprint: &str,
    sealed: &str,
) -> Result<ProxyResponse, AnswerError> {
    let parts = sealed.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    let (version, body) = parts.ok_or(AnswerError::DoesNotOpen)?;
    let version = version.parse().map_err(|_| AnswerError::DoesNotOpen)?;
    let body = STANDARD.decode(body).map_err(|_| AnswerError::DoesNotOpen)?;
    let (nonce, body) = body.split_first_chunk::<NONCE_LEN>().ok_or(AnswerError::DoesNotOpen)?;
    let secret = secrets.version(version).await?;
    let mut body = body.to_vec();
    let plain = secret
        .answers
        .open_in_place(Nonce::assume_unique_for_key(*nonce), associated(key, fingerprint), &mut body)
        .map_err(|_| AnswerError::DoesNotOpen)?;
    serde_json::from_slice(plain).map_err(|_| AnswerError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use toss_store::testing::Tables;

    use super::*;

    #[tokio::test]
    async fn an_answer_opens_only_for_the_request_it_was_given_to() {
        let secrets = Secrets::new(&Tables::new().platform()).unwrap();
        let key = IdempotencyKey::of_operator("one");
        let answer = ProxyResponse {
            status_code: 201,
            headers: Default::default(),
            body: r#"{"api_key":"toss_x"}"#.into(),
            is_base64_encoded: false,
        };
        let sealed = seal(&secrets, &key, "aa", &answer).await.unwrap();
        assert!(!sealed.contains("toss_x"));
        assert_eq!(open(&secrets, &key, "aa", &sealed).await.unwrap(), answer);
        assert!(open(&secrets, &key, "ab", &sealed).await.is_err());
        assert!(open(&secrets, &IdempotencyKey::of_operator("two"), "aa", &sealed).await.is_err());
    }
}
