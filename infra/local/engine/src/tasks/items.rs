//! Items of a distributed Map as files hold them: JSON, JSON Lines, CSV.

use serde_json::{Map, Value, json};
use toss_asl::Failure;

/// Reads the items that a file holds.
pub(super) fn parse(body: &str, config: &Value) -> Result<Vec<Value>, Failure> {
    match config.get("InputType").and_then(Value::as_str).unwrap_or("JSON") {
        "JSON" => json_items(body, config),
        "JSONL" => body
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).map_err(|_| unreadable("a line is not JSON")))
            .collect(),
        "CSV" => csv_items(body, config),
        other => Err(unreadable(&format!("the input type {other} is not supported"))),
    }
}

fn json_items(body: &str, config: &Value) -> Result<Vec<Value>, Failure> {
    let mut document: Value =
        serde_json::from_str(body).map_err(|_| unreadable("the file is not valid JSON"))?;
    if let Some(pointer) = config.get("ItemsPointer").and_then(Value::as_str) {
        document = document.pointer_mut(pointer).map_or(Value::Null, Value::take);
    }
    match document {
        Value::Array(items) => Ok(items),
        Value::Object(members) => {
            Ok(members.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect())
        }
        _ => Err(unreadable("the file does not hold an array or an object")),
    }
}

fn csv_items(body: &str, config: &Value) -> Result<Vec<Value>, Failure> {
    let delimiter = match config.get("CSVDelimiter").and_then(Value::as_str).unwrap_or("COMMA") {
        "PIPE" => '|',
        "SEMICOLON" => ';',
        "SPACE" => ' ',
        "TAB" => '\t',
        _ => ',',
    };
    let mut rows = csv_rows(body, delimiter).into_iter();
    let headers: Vec<String> = if config.get("CSVHeaderLocation").and_then(Value::as_str) == Some("GIVEN") {
        let given = config.get("CSVHeaders").and_then(Value::as_array).cloned().unwrap_or_default();
        given.iter().filter_map(|header| header.as_str().map(str::to_owned)).collect()
    } else {
        rows.next().ok_or_else(|| unreadable("the file has no header"))?
    };
    Ok(rows
        .map(|row| {
            let fields = row.into_iter().map(Value::String).chain(std::iter::repeat_with(|| json!("")));
            Value::Object(headers.iter().cloned().zip(fields).collect::<Map<_, _>>())
        })
        .collect())
}

/// Rows of RFC 4180: quoted fields may hold delimiters, line ends and doubled quotes.
fn csv_rows(body: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = body.strip_prefix('\u{feff}').unwrap_or(body).chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            letter if letter == delimiter && !quoted => row.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|field| !field.is_empty()));
    rows
}

fn unreadable(what: &str) -> Failure {
    Failure::new("States.ItemReaderFailed", format!("The items could not be read: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_fields_keep_delimiters_quotes_and_line_ends() {
        let rows = csv_rows("a,b\r\n\"1,\"\"2\"\"\n3\",4\n\n", ',');
        assert_eq!(rows, [vec!["a", "b"], vec!["1,\"2\"\n3", "4"]]);
    }

    #[test]
    fn a_csv_row_becomes_an_object_under_the_header() {
        let items =
            parse("a;b\n1;2\n3", &json!({ "InputType": "CSV", "CSVDelimiter": "SEMICOLON" })).unwrap();
        assert_eq!(items, [json!({ "a": "1", "b": "2" }), json!({ "a": "3", "b": "" })]);
    }

    #[test]
    fn json_lines_and_objects_become_items() {
        let items = parse("{\"a\":1}\n\n2\n", &json!({ "InputType": "JSONL" })).unwrap();
        assert_eq!(items, [json!({ "a": 1 }), json!(2)]);
        assert_eq!(parse("{\"k\":1}", &json!({})).unwrap(), [json!({ "Key": "k", "Value": 1 })]);
        assert!(parse("7", &json!({})).is_err());
    }
}
