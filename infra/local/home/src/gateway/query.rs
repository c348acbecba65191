//! Percent-encoding in paths and query strings.

use percent_encoding::percent_decode_str;

/// What a caller wrote cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

/// A part of a path, decoded. Broken escapes, text that is not UTF-8 and control characters are refused.
pub(super) fn decode(text: &str) -> Result<String, Undecodable> {
    let mut escapes = text.split('%');
    escapes.next();
    let whole =
        |escape: &str| escape.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if !escapes.all(whole) {
        return Err(Undecodable);
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Undecodable)?;
    if decoded.contains('\0') { Err(Undecodable) } else { Ok(decoded.into_owned()) }
}

/// The parameters of a query string in the order written, decoded.
pub(super) fn parameters(query: &str) -> Result<Vec<(String, String)>, Undecodable> {
    let decode = |text: &str| decode(&text.replace('+', " "));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_escapes_are_refused() {
        for broken in ["%", "%2", "%zz", "a%0", "%ff", "%00", "%C3%28"] {
            assert_eq!(decode(broken), Err(Undecodable), "{broken}");
        }
        assert_eq!(decode("a%2Fb%C3%A9").as_deref(), Ok("a/bé"));
    }

    #[test]
    fn parameters_keep_their_order_and_repeat() {
        let pairs = parameters("a=1&b=x+y&a=%26&c").unwrap();
        let told: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(told, [("a", "1"), ("b", "x y"), ("a", "&"), ("c", "")]);
    }
}
