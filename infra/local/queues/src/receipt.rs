//! Receipt handles: which receipt of which message a consumer holds.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a receipt handle says. It carries the message's id, which only its receivers and sender know, so that a
/// handle cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: String,
    pub(crate) sequence: u64,
    /// The how-many-th receipt of the message it was.
    pub(crate) count: u32,
    pub(crate) message_id: String,
}

impl Receipt {
    pub(crate) fn handle(&self) -> String {
        let Self { queue, sequence, count, message_id } = self;
        URL_SAFE_NO_PAD.encode(format!("{queue} {sequence} {count} {message_id}"))
    }

    pub(crate) fn read(handle: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(handle).ok()?).ok()?;
        let mut parts = text.split(' ');
        let receipt = Self {
            queue: parts.next()?.to_owned(),
            sequence: parts.next()?.parse().ok()?,
            count: parts.next()?.parse().ok()?,
            message_id: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(receipt)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_handle_is_read_back(queue in "[a-z]{1,80}", sequence: u64, count: u32, message_id in "[0-9a-f-]{36}") {
            let receipt = Receipt { queue, sequence, count, message_id };
            prop_assert_eq!(Receipt::read(&receipt.handle()), Some(receipt));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = Receipt::read(&text);
        }
    }
}
