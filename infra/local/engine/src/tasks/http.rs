//! The metadata of a call over HTTP that service integrations add to its answer.

use serde_json::{Map, Value, json};

use crate::core::Core;

use super::random_uuid;

/// What an answer over HTTP looked like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A function's answer, with the log that the caller asked for.
    Lambda {
        log: bool,
    },
    DynamoDb,
    /// SQS, Step Functions and others that speak JSON.
    Json,
    /// SNS.
    Xml,
}

/// `SdkHttpMetadata` and `SdkResponseMetadata` of an answer with this body.
pub(super) fn metadata(core: &Core, shape: Shape, body: &str) -> [(&'static str, Value); 2] {
    let id = random_uuid();
    let length = body.len().to_string();
    let date = core.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut headers: Vec<(&str, String)> = match shape {
        Shape::Lambda { log } => {
            let log = log.then(|| ("X-Amz-Log-Result", log_of(&id)));
            let others = [
                ("X-Amz-Executed-Version", "$LATEST".to_owned()),
                ("x-amzn-Remapped-Content-Length", "0".to_owned()),
                ("Connection", "keep-alive".to_owned()),
                ("X-Amzn-Trace-Id", trace_id(core)),
                ("Content-Type", "application/json".to_owned()),
            ];
            log.into_iter().chain(others).collect()
        }
        Shape::DynamoDb => vec![
            ("Server", "Server".to_owned()),
            ("Connection", "keep-alive".to_owned()),
            ("x-amz-crc32", crc32(body.as_bytes()).to_string()),
            ("Content-Type", "application/x-amz-json-1.0".to_owned()),
        ],
        Shape::Json => vec![
            ("connection", "keep-alive".to_owned()),
            ("Content-Type", "application/x-amz-json-1.0".to_owned()),
        ],
        Shape::Xml => {
            vec![("connection", "keep-alive".to_owned()), ("Content-Type", "text/xml".to_owned())]
        }
    };
    headers.extend([("x-amzn-RequestId", id.clone()), ("Content-Length", length), ("Date", date)]);
    let single: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let lists: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let http = json!({ "AllHttpHeaders": lists, "HttpHeaders": single, "HttpStatusCode": 200 });
    [("SdkHttpMetadata", http), ("SdkResponseMetadata", json!({ "RequestId": id }))]
}

fn trace_id(core: &Core) -> String {
    let (root, parent): (u128, u64) = (rand::random(), rand::random());
    let seconds = core.now() / 1000;
    format!("root=1-{seconds:08x}-{:024x};parent={parent:016x};sampled=0", root >> 32)
}

/// What a function's log says of every call, in Base64. What the function wrote itself is in the home's log.
fn log_of(request: &str) -> String {
    base64(format!("START RequestId: {request} Version: $LATEST\nEND RequestId: {request}\n").as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The checksum of ISO 3309, as zlib makes it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_base64_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(["", "f", "fo", "foo"].map(|text| base64(text.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v"]);
    }
}
