//! The items that a distributed Map's reader finds in an object.

use crate::history::Failure;
use crate::{Object, Payload, Value};
use std::sync::Arc;

/// Reads the items in an object's body, as the `ReaderConfig` says: `JSON`, `JSONL` or `CSV`, at most `MaxItems`
/// of them. The answer is a JSON array, for [`crate::Stimulus::ItemsRead`].
///
/// # Errors
/// `States.ItemReaderFailed`, for [`crate::Stimulus::TaskFailed`].
pub fn read_items(config: &Payload, body: &str) -> Result<Payload, Failure> {
    let config = config.value();
    let limit = match config.get("MaxItems").and_then(Value::as_i64) {
        Some(limit) if limit < 0 => return Err(failed("field MaxItems must be positive")),
        Some(limit) if limit > 0 => usize::try_from(limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut items = match config.get("InputType").and_then(Value::as_str) {
        Some("CSV") => csv(config, body)?,
        Some("JSONL") => lines(body)?,
        _ => json(config, body)?,
    };
    items.truncate(limit);
    Ok(Payload::from_value(Value::array(items)))
}

fn failed(cause: &str) -> Failure {
    Failure::new("States.ItemReaderFailed", cause)
}

fn json(config: &Value, body: &str) -> Result<Vec<Value>, Failure> {
    let mut value = Value::parse(body).map_err(|_| failed("Unable to parse the JSON data."))?;
    let pointer = config.get("ItemsPointer").and_then(Value::as_str).unwrap_or_default();
    for step in pointer.split('/').skip(1) {
        let name = step.replace("~1", "/").replace("~0", "~");
        value = value.get(&name).cloned().unwrap_or_default();
    }
    match value {
        Value::Array(items) => Ok(Arc::unwrap_or_clone(items)),
        _ => Err(failed("Attempting to map over non-iterable node.")),
    }
}

fn lines(body: &str) -> Result<Vec<Value>, Failure> {
    let lines = body.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| Value::parse(line).map_err(|_| failed("Unable to parse the JSON Lines data."))).collect()
}

fn csv(config: &Value, body: &str) -> Result<Vec<Value>, Failure> {
    let delimiter = match config.get("CSVDelimiter").and_then(Value::as_str) {
        Some("PIPE") => '|',
        Some("SEMICOLON") => ';',
        Some("SPACE") => ' ',
        Some("TAB") => '\t',
        _ => ',',
    };
    let mut rows = rows(body, delimiter).into_iter();
    let headers: Vec<Arc<str>> = match config.get("CSVHeaderLocation").and_then(Value::as_str) {
        Some("GIVEN") => {
            let given = config.get("CSVHeaders").and_then(Value::as_array).unwrap_or_default();
            given.iter().filter_map(|name| name.as_str().map(Arc::from)).collect()
        }
        _ => rows.next().unwrap_or_default().into_iter().map(Arc::from).collect(),
    };
    if headers.is_empty() {
        return Err(failed("The CSV data has no headers."));
    }
    let order = java_order(&headers);
    // Missing columns are empty, further ones are dropped.
    let item = |row: Vec<String>| {
        let members = order.iter().filter_map(|column| {
            let value = row.get(*column).map_or("", String::as_str);
            headers.get(*column).map(|name| (name.clone(), Value::string(value)))
        });
        Value::object(members.collect::<Object>())
    };
    Ok(rows.map(item).collect())
}

/// The order in which AWS writes the members of such an item: that of Java's `HashMap`.
fn java_order(names: &[Arc<str>]) -> Vec<usize> {
    let mut buckets = 16_usize;
    while names.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    let bucket = |name: &str| {
        let hash =
            name.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    };
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|column| names.get(*column).map(|name| bucket(name)));
    order
}

/// The rows of a table; a column in double quotes may hold delimiters, line ends and doubled quotes.
fn rows(body: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut column = String::new();
    let mut quoted = false;
    let mut characters = body.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                column.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if column.is_empty() => quoted = true,
            '\n' if !quoted => {
                if !row.is_empty() || !column.is_empty() {
                    row.push(std::mem::take(&mut column));
                    rows.push(std::mem::take(&mut row));
                }
            }
            '\r' if !quoted => {}
            other if other == delimiter && !quoted => row.push(std::mem::take(&mut column)),
            other => column.push(other),
        }
    }
    if !row.is_empty() || !column.is_empty() {
        row.push(column);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::read_items;
    use crate::Payload;
    use serde_json::json;

    fn read(config: serde_json::Value, body: &str) -> Result<String, String> {
        read_items(&Payload::from(config), body)
            .map(|items| items.text().to_owned())
            .map_err(|failure| failure.cause.unwrap_or_default().to_string())
    }

    #[test]
    fn tables_become_objects() {
        let config = json!({ "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" });
        let body = "name,note\nAda,\"a, \"\"b\"\"\nc\"\nBob\n";
        assert_eq!(
            read(config, body).unwrap(),
            r#"[{"note":"a, \"b\"\nc","name":"Ada"},{"note":"","name":"Bob"}]"#
        );
        let config = json!({ "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW" });
        assert_eq!(read(config, "0,True,{}\n1,2,3").unwrap(), r#"[{"0":"1","{}":"3","True":"2"}]"#);
        let config = json!({ "InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"],
            "CSVDelimiter": "PIPE" });
        assert_eq!(read(config, "1|2\r\n3|4").unwrap(), r#"[{"x":"1"},{"x":"3"}]"#);
    }

    #[test]
    fn lists_and_lines_are_read_up_to_the_limit() {
        assert_eq!(read(json!({ "InputType": "JSON", "MaxItems": 2 }), "[1,2,3]").unwrap(), "[1,2]");
        assert_eq!(read(json!({ "InputType": "JSONL" }), "{\"a\":1}\n\n2\n").unwrap(), "[{\"a\":1},2]");
        let config = json!({ "InputType": "JSON", "ItemsPointer": "/a/b" });
        assert_eq!(read(config, r#"{"a":{"b":[1]}}"#).unwrap(), "[1]");
    }

    #[test]
    fn what_has_no_items_fails() {
        let cause = read(json!({ "InputType": "JSON" }), "{}").unwrap_err();
        assert_eq!(cause, "Attempting to map over non-iterable node.");
        let cause = read(json!({ "InputType": "JSON", "MaxItems": -1 }), "[]").unwrap_err();
        assert_eq!(cause, "field MaxItems must be positive");
    }
}
