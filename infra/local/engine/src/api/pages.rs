//! Paging: a token is the place to go on from, so that no list has to be kept.

use toss_local_protocol::ServiceError;

use super::errors::invalid_token;

/// A token for the place.
pub(super) fn token(place: &str) -> String {
    place.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The place that a token is for.
pub(super) fn place(token: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(token) = token else { return Ok(None) };
    let bytes = token.as_bytes().chunks(2).map(|pair| {
        std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(Some).ok_or_else(invalid_token)
}

/// A page of named things in the order of their names: those after the place, and the place after them.
pub(super) fn after<'a, T>(
    items: impl Iterator<Item = (&'a str, T)>,
    place: Option<&str>,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    let mut rest = items.skip_while(|(name, _)| place.is_some_and(|place| *name <= place)).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit
        && let Some((name, item)) = rest.next()
    {
        page.push(item);
        last = Some(name.to_owned());
    }
    let next = rest.peek().is_some().then_some(last).flatten();
    (page, next.map(|last| token(&last)))
}
