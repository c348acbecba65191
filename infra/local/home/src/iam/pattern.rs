//! Wildcards, as policies write them: `*` is any text, `?` any one character.

/// Whether a text fits a pattern.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut position) = (0, 0);
    // Where the last star was, and how far it has swallowed.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, position));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == text[position] => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((after, swallowed)) => {
                    star = Some((after, swallowed + 1));
                    at = after;
                    position = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&rest| rest == b'*')
}

/// Whether an action fits a pattern; the case of actions does not matter.
pub(super) fn action_fits(pattern: &str, action: &str) -> bool {
    fits(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_swallow_as_much_as_they_must() {
        assert!(fits("arn:aws:sqs:*:*:toss-*-queue", "arn:aws:sqs:us-east-1:000000000000:toss-a-b-queue"));
        assert!(fits("*", ""));
        assert!(fits("a?c", "abc"));
        assert!(!fits("a*c", "abd"));
        assert!(!fits("abc", "abcd"));
        assert!(action_fits("DynamoDB:get*", "dynamodb:GetItem"));
    }
}
