//! What an author may have meant.

/// The candidate nearest to a name that was not found, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    // Of names this short any other is as near.
    if length < 3 {
        return None;
    }
    let limit = length.div_ceil(3).min(3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= 3 * limit)
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut previous = index + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&right) {
            let next = (*cell + 1).min(previous + 1).min(diagonal + usize::from(a != *b));
            diagonal = std::mem::replace(cell, next);
            previous = next;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("Htprequest", ["HttpRequest", "Loop"]), Some("HttpRequest"));
        assert_eq!(nearest("wiht", ["with", "when"]), Some("with"));
        assert_eq!(nearest("pay", ["refuse", "approve"]), None);
    }
}
