//! Finding expressions in texts.

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'text> {
    Literal(&'text str),
    /// JSONata, without the braces and outer space.
    Expression(&'text str),
    /// `{%` whose `%}` is missing.
    Unclosed,
}

/// The parts of a text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{%") {
        if !before.is_empty() {
            pieces.push(Piece::Literal(before));
        }
        let Some(end) = closing(inside) else {
            pieces.push(Piece::Unclosed);
            return pieces;
        };
        pieces.push(Piece::Expression(inside.get(..end).unwrap_or_default().trim()));
        rest = inside.get(end + 2..).unwrap_or_default();
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

/// Where `%}` stands outside quotes and comments. When quotes do not pair up (a quote in a regular expression),
/// the first `%}` counts.
fn closing(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        match byte {
            b'"' | b'\'' | b'`' => match quoted(bytes, index, byte) {
                Some(after) => index = after,
                None => return inside.find("%}"),
            },
            b'/' if bytes.get(index + 1) == Some(&b'*') => {
                index = inside.get(index + 2..)?.find("*/")? + index + 4;
            }
            b'%' if bytes.get(index + 1) == Some(&b'}') => return Some(index),
            _ => index += 1,
        }
    }
    inside.rfind("%}")
}

/// The index after the closing quote.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut index = start + 1;
    while let Some(&byte) = bytes.get(index) {
        if byte == quote {
            return Some(index + 1);
        }
        index += if byte == b'\\' && quote != b'`' { 2 } else { 1 };
    }
    None
}

/// The JSONata that a text stands for; `None` when it is a literal. Space around a single expression is dropped.
pub(crate) fn source(text: &str) -> Option<String> {
    if !text.contains("{%") {
        return None;
    }
    let trimmed = text.trim();
    if let [Piece::Expression(only)] = pieces(trimmed).as_slice() {
        return Some((*only).to_owned());
    }
    let parts: Vec<String> = pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Literal(text) => jsonata_string(text),
            Piece::Expression(expression) => format!("({expression})"),
            Piece::Unclosed => jsonata_string("{%"),
        })
        .collect();
    Some(parts.join(" & "))
}

/// A text as a JSONata literal. JSON's escapes are JSONata's.
pub(crate) fn jsonata_string(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
