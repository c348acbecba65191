//! The label of a distributed Map.

const MAX_LENGTH: usize = 40;

/// What is wrong with a label.
pub(super) fn problem(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some("Label cannot be empty".to_owned());
    }
    if label.chars().count() > MAX_LENGTH {
        return Some("Label cannot exceed 40 characters".to_owned());
    }
    let refused = |character: &char| {
        character.is_whitespace() || character.is_control() || "?*<>{}[]\"#%\\^|~`$&,;:/".contains(*character)
    };
    let found = label.chars().find(refused)?;
    Some(format!("Label contains invalid character: {}", python_repr(&found.to_string())))
}

/// A text as Python's `repr` writes it: these rejections carry it.
pub(super) fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut written = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            '\\' => written.push_str("\\\\"),
            same if same == quote => {
                written.push('\\');
                written.push(same);
            }
            control if (control as u32) < 0x20 || (0x7f..=0xa0).contains(&(control as u32)) => {
                written.push_str(&format!("\\x{:02x}", control as u32));
            }
            other => written.push(other),
        }
    }
    written.push(quote);
    written
}

#[cfg(test)]
mod tests {
    use super::{problem, python_repr};

    #[test]
    fn labels_are_short_and_plain() {
        assert_eq!(problem("orders-2026"), None);
        assert_eq!(problem("a b").unwrap(), "Label contains invalid character: ' '");
        assert_eq!(problem("").unwrap(), "Label cannot be empty");
        assert!(problem(&"x".repeat(41)).is_some());
    }

    #[test]
    fn texts_are_quoted_as_python_does() {
        assert_eq!(python_repr("a'b"), "\"a'b\"");
        assert_eq!(python_repr("a\"'b"), "'a\"\\'b'");
        assert_eq!(python_repr("\u{90}"), "'\\x90'");
    }
}
