//! What the next request of a redirect looks like.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::{OutboundError, OutboundRequest};

/// Headers that are meant for one origin only.
const CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::WWW_AUTHENTICATE];

/// Names in which services take keys.
const KEY_NAMES: [&str; 5] = ["api-key", "apikey", "token", "secret", "signature"];

fn is_credential(name: &HeaderName) -> bool {
    CREDENTIALS.contains(name) || KEY_NAMES.iter().any(|part| name.as_str().contains(part))
}

/// The request that follows an answer, or none when the answer is final.
///
/// By <https://fetch.spec.whatwg.org/#http-redirect-fetch>: 303 becomes a GET, and so does a POST at 301 and
/// 302; 307 and 308 repeat the request. To another origin no credentials go along.
pub(super) fn next(
    request: &OutboundRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<OutboundRequest>, OutboundError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) || request.redirects == 0 {
        return Ok(None);
    }
    let Some(location) = headers.get(header::LOCATION) else { return Ok(None) };
    let refuse = |reason| OutboundError::Redirect {
        host: request.url.host_str().unwrap_or_default().to_owned(),
        reason,
    };
    let location = location.to_str().map_err(|_| refuse("its Location is not text"))?;
    let mut url = request.url.join(location).map_err(|_| refuse("its Location is not a URL"))?;
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(refuse("it leads from https to http"));
    }
    url.set_fragment(None);
    let mut next = request.clone();
    next.redirects -= 1;
    if status == StatusCode::SEE_OTHER && request.method != Method::HEAD
        || matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND)
            && request.method == Method::POST
    {
        next.method = Method::GET;
        next.body = Bytes::new();
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::CONTENT_LOCATION,
        ] {
            next.headers.remove(name);
        }
    }
    if url.origin() != request.url.origin() {
        let names: Vec<HeaderName> =
            next.headers.keys().filter(|name| is_credential(name)).cloned().collect();
        for name in names {
            next.headers.remove(name);
        }
    }
    next.url = url;
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn request(method: Method) -> OutboundRequest {
        let mut request = OutboundRequest::new(method, Url::parse("https://a.example/x").unwrap())
            .header("authorization", "Bearer t")
            .and_then(|request| request.header("x-api-key", "k"))
            .and_then(|request| request.header("content-type", "text/plain"))
            .unwrap();
        request.body = Bytes::from_static(b"body");
        request.redirects = 2;
        request
    }

    fn follow(method: Method, status: u16, location: &str) -> Result<Option<OutboundRequest>, OutboundError> {
        let headers = [(header::LOCATION, location.parse().unwrap())].into_iter().collect();
        next(&request(method), StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn credentials_stay_at_their_origin() {
        let same = follow(Method::GET, 302, "/y").unwrap().unwrap();
        assert_eq!(same.url.as_str(), "https://a.example/y");
        assert!(same.headers.contains_key("authorization") && same.headers.contains_key("x-api-key"));
        for other in ["https://b.example/", "https://a.example:8443/", "//b.example/"] {
            let other = follow(Method::GET, 302, other).unwrap().unwrap();
            assert!(!other.headers.contains_key("authorization") && !other.headers.contains_key("x-api-key"));
            assert!(other.headers.contains_key("content-type"));
        }
    }

    #[test]
    fn the_method_changes_as_browsers_change_it() {
        for (method, status, becomes) in [
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::HEAD, 303, Method::HEAD),
            (Method::POST, 307, Method::POST),
            (Method::DELETE, 308, Method::DELETE),
        ] {
            let next = follow(method.clone(), status, "/").unwrap().unwrap();
            assert_eq!(next.method, becomes, "{method} {status}");
            assert_eq!(next.body.is_empty(), becomes == Method::GET, "{method} {status}");
        }
    }

    #[test]
    fn nothing_leads_from_https_to_http_or_on_without_end() {
        assert!(follow(Method::GET, 302, "http://a.example/").is_err());
        assert!(follow(Method::GET, 304, "/").unwrap().is_none());
        let once = follow(Method::GET, 302, "/").unwrap().unwrap();
        assert_eq!(once.redirects, 1);
    }
}
