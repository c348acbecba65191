//! `GetCallerIdentity`, which tools call to see whether they have credentials. STS alone still speaks the
//! query protocol.

use bytes::Bytes;
use http::{HeaderValue, Response};
use toss_local_protocol::Caller;

use crate::services::request_id;
use crate::template::ACCOUNT;

/// The answer to a call of STS; `None` for any other body.
pub(super) fn answer(caller: &Caller, body: &[u8]) -> Option<Response<Bytes>> {
    let form = std::str::from_utf8(body).ok()?;
    if !form.split('&').any(|pair| pair == "Action=GetCallerIdentity") {
        return None;
    }
    let arn = match caller {
        Caller::Owner => format!("arn:aws:iam::{ACCOUNT}:root"),
        Caller::Role { arn, session } => {
            let role = arn.rsplit('/').next().unwrap_or_default();
            format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}")
        }
    };
    let document = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{arn}</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        request_id()
    );
    let mut response = Response::new(Bytes::from(document));
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/xml"));
    Some(response)
}
