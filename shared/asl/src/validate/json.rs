//! JSON syntax errors in the words of AWS's parser (Jackson).

use crate::Diagnostic;

/// How much of the text Jackson shows.
const SHOWN: usize = 500;

/// Tells where and why the text is no JSON.
pub(super) fn syntax_error(text: &str, error: &serde_json::Error) -> Diagnostic {
    let offset = offset_of(text, error.line(), error.column());
    let rest = text.get(offset..).unwrap_or_default();
    let token: String =
        rest.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect();
    let (reason, at) = if text.trim().is_empty() {
        ("No content to map due to end-of-input".to_owned(), text.len())
    } else if error.is_eof() {
        (end_of_input(text), text.len())
    } else if token.chars().next().is_some_and(char::is_alphabetic) {
        let reason = format!(
            "Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or \
             'false')"
        );
        (reason, offset + token.len())
    } else {
        let found = rest.chars().next().unwrap_or(' ');
        (format!("Unexpected character ('{found}' (code {}))", found as u32), offset)
    };
    let source = source_of(text, at);
    let mut diagnostic =
        Diagnostic::error("INVALID_JSON_DESCRIPTION", format!("{reason}\n at {source}"), source.clone());
    diagnostic.location = Some(source);
    diagnostic
}

/// Which bracket was never closed.
fn end_of_input(text: &str) -> String {
    let mut open: Vec<(usize, char)> = Vec::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => open.push((at, character)),
            '}' | ']' if !quoted => drop(open.pop()),
            _ => {}
        }
    }
    match open.last() {
        Some(_) if quoted => {
            "Unexpected end-of-input: was expecting closing quote for a string value".to_owned()
        }
        Some((at, bracket)) => {
            let kind = if *bracket == '{' { "Object" } else { "Array" };
            let start = source_of(text, *at);
            format!("Unexpected end-of-input: expected close marker for {kind} (start marker at {start})")
        }
        None => "Unexpected end-of-input".to_owned(),
    }
}

/// The start of the token that the parser stumbled over.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut offset = (before + column.saturating_sub(1)).min(text.len());
    let is_word = |offset: usize| text.as_bytes().get(offset).is_some_and(u8::is_ascii_alphanumeric);
    while offset > 0 && is_word(offset) && is_word(offset - 1) {
        offset -= 1;
    }
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn source_of(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    let shown: String = text.chars().take(SHOWN).collect();
    let cut = text.len() - shown.len();
    let truncated = if cut > 0 { format!("[truncated {cut} chars]") } else { String::new() };
    format!("[Source: (String)\"{shown}\"{truncated}; line: {line}, column: {column}]")
}
