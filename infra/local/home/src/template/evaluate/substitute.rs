//! `Fn::Sub`: text with `${references}` in it.

/// A part of the text of a `Fn::Sub`.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'t> {
    Text(&'t str),
    Reference(&'t str),
}

/// Cuts the text into its parts. `${!name}` stands for `${name}` itself.
pub(super) fn parts(mut text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    while let Some(start) = text.find("${") {
        let Some(length) = text[start..].find('}') else { break };
        let inner = &text[start + 2..start + length];
        if let Some(literal) = inner.strip_prefix('!') {
            parts.extend([
                Part::Text(&text[..start]),
                Part::Text("${"),
                Part::Text(literal),
                Part::Text("}"),
            ]);
        } else {
            parts.extend([Part::Text(&text[..start]), Part::Reference(inner.trim())]);
        }
        text = &text[start + length + 1..];
    }
    parts.push(Part::Text(text));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_literals_are_told_apart() {
        assert_eq!(
            parts("a-${B.Arn}/${!c}"),
            [
                Part::Text("a-"),
                Part::Reference("B.Arn"),
                Part::Text("/"),
                Part::Text("${"),
                Part::Text("c"),
                Part::Text("}")
            ]
        );
    }
}
