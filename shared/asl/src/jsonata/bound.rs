//! Keeps expressions from making texts that exhaust the host: `$s & $s` forty times over is a terabyte.
//!
//! The library has no limit of its own for texts, and its time limit is asked between calls only.

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::functions;
use jsonata_core::value::JValue;
use serde_json::{Value, json};

/// The longest text that may be put together: well above the size limit of a payload.
const MAX_TEXT: usize = 4 * 1024 * 1024;

/// The name of [`concatenation`]: none that an author can write, and so none that can be taken.
pub(super) const CONCATENATION: &str = "bounded &";
/// The name of [`join`]. The library's own has a fast path and cannot be overridden under its name.
pub(super) const JOIN: &str = "bounded join";

/// The expression with each `a & b` passed through [`concatenation`], and each `$join` replaced by [`join`].
pub(super) fn texts(ast: &AstNode) -> Result<AstNode, String> {
    let mut tree = serde_json::to_value(ast).map_err(|error| error.to_string())?;
    wrap(&mut tree);
    serde_json::from_value(tree).map_err(|error| error.to_string())
}

fn wrap(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(wrap),
        Value::Object(members) => {
            members.values_mut().for_each(wrap);
            if members.get("Binary").and_then(|binary| binary.get("op")) == Some(&json!("Concatenate")) {
                let inner = node.take();
                *node = json!({ "Function": { "name": CONCATENATION, "args": [inner], "is_builtin": true } });
            } else if let Some(Value::Object(call)) = members.get_mut("Function")
                && call.get("name") == Some(&json!("join"))
            {
                call.insert("name".to_owned(), json!(JOIN));
            }
        }
        _ => {}
    }
}

/// Hands a text on unless it is too long.
pub(super) fn concatenation(arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    match arguments.first() {
        Some(JValue::String(text)) if text.len() > MAX_TEXT => Err(too_long("&")),
        Some(value) => Ok(value.clone()),
        None => Ok(JValue::Undefined),
    }
}

/// `$join`, with a look at the length before anything is put together.
pub(super) fn join(arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    let refused = |index: usize| {
        EvaluatorError::TypeError(format!(
            "T0410: Argument {index} of function \"join\" does not match function signature"
        ))
    };
    let separator = match arguments.get(1) {
        None | Some(JValue::Undefined) => "",
        Some(JValue::String(text)) => text,
        Some(_) => return Err(refused(2)),
    };
    let items = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::String(text)) => return Ok(JValue::String(text.clone())),
        Some(JValue::Array(items)) => items,
        Some(_) => return Err(refused(1)),
    };
    let mut length = 0_usize;
    for item in items.iter() {
        let JValue::String(text) = item else {
            let message = "T0412: Argument 1 of function \"join\" must be an array of \"string\"";
            return Err(EvaluatorError::TypeError(message.to_owned()));
        };
        length = length.saturating_add(text.len()).saturating_add(separator.len());
    }
    if length > MAX_TEXT {
        return Err(too_long("$join"));
    }
    functions::string::join(items, Some(separator))
        .map_err(|error| EvaluatorError::EvaluationError(error.to_string()))
}

fn too_long(what: &str) -> EvaluatorError {
    EvaluatorError::EvaluationError(format!("{what}: the text would be longer than {MAX_TEXT} bytes"))
}
