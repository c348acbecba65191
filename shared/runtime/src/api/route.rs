//! A route: method, path, who may call it, and its typed handler.

use std::{marker::PhantomData, sync::Arc};

use futures::future::BoxFuture;
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Problem, Reply, Request, request::Caller};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a credential.
    Public,
    /// A principal whom the policy permits this action, such as `workflows:create`.
    Action(&'static str),
}

/// How a request's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// There is none; one that is sent is refused unless it is empty.
    None,
    /// `application/json`, into the handler's type.
    Json,
    /// Any of these media types, as text for the handler to read: its body type is `String`.
    Text(&'static [&'static str]),
}

/// A request before it is typed.
pub(super) struct RawRequest {
    pub(super) caller: Caller,
    pub(super) body: Value,
    pub(super) query: Vec<(String, String)>,
    pub(super) idempotency_key: Option<String>,
    pub(super) seed: Option<ulid::Ulid>,
    pub(super) media_type: String,
    pub(super) headers: std::collections::BTreeMap<String, String>,
    pub(super) path: std::collections::BTreeMap<String, String>,
}

pub(super) type Handler<S> = Arc<
    dyn Fn(Arc<S>, RawRequest) -> BoxFuture<'static, Result<Reply<Option<Value>>, Problem>> + Send + Sync,
>;
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One route of a resource.
pub struct Route<S> {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) summary: &'static str,
    pub(super) status: u16,
    pub(super) body_format: BodyFormat,
    pub(super) idempotent: bool,
    pub(super) body: SchemaOf,
    pub(super) query: SchemaOf,
    pub(super) answer: Option<SchemaOf>,
    pub(super) answer_media_type: &'static str,
    pub(super) handler: Handler<S>,
    resource: PhantomData<fn(S)>,
}

impl<S: Send + Sync + 'static> Route<S> {
    /// A route below `/v1`. `status` is that of its success. The handler is usually a method,
    /// `async fn create(self: Arc<Self>, request: Request<NewThing>) -> Result<Reply<Thing>, Problem>`.
    pub fn new<B, Q, T, F, Fut>(
        method: Method,
        path: &'static str,
        access: Access,
        status: u16,
        summary: &'static str,
        handler: F,
    ) -> Self
    where
        B: DeserializeOwned + JsonSchema + Send + 'static,
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        T: Serialize + JsonSchema + 'static,
        F: Fn(Arc<S>, Request<B, Q>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<T>, Problem>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let has_body = std::any::TypeId::of::<B>() != std::any::TypeId::of::<()>();
        Self {
            idempotent: method == Method::POST,
            method,
            path,
            access,
            summary,
            status,
            body_format: if has_body { BodyFormat::Json } else { BodyFormat::None },
            body: |generator| generator.subschema_for::<B>(),
            query: |generator| generator.root_schema_for::<Q>(),
            answer_media_type: "application/json",
            answer: (status != 204).then_some(SchemaGenerator::subschema_for::<T>),
            handler: Arc::new(move |resource, raw| {
                let handler = Arc::clone(&handler);
                Box::pin(async move {
                    let reply = handler(resource, typed::<B, Q>(raw)?).await?;
                    let body = match reply.status {
                        204 => None,
                        _ => Some(
                            serde_json::to_value(&reply.body).map_err(|error| Problem::internal(&error))?,
                        ),
                    };
                    Ok(Reply { status: reply.status, body, headers: reply.headers })
                })
            }),
            resource: PhantomData,
        }
    }

    /// Answers in this media type: the handler's answer is a `String`, and its reply says so in `Content-Type`.
    #[must_use]
    pub fn text_answer(mut self, media_type: &'static str) -> Self {
        self.answer_media_type = media_type;
        self
    }

    /// Takes the body as text in one of these media types; the handler's body type is `String`.
    #[must_use]
    pub fn text_body(mut self, media_types: &'static [&'static str]) -> Self {
        self.body_format = BodyFormat::Text(media_types);
        self
    }
}

fn typed<B: DeserializeOwned, Q: DeserializeOwned>(raw: RawRequest) -> Result<Request<B, Q>, Problem> {
    let body = serde_json::from_value(raw.body).map_err(|error| {
        Problem::new(422, "invalid", format!("The body does not fit: {error}.")).with_member(
            "problems",
            serde_json::json!([{ "pointer": "", "code": "body", "message": error.to_string() }]),
        )
    })?;
    let encoded = serde_urlencoded::to_string(&raw.query).map_err(|error| Problem::internal(&error))?;
    let query = serde_urlencoded::from_str(&encoded)
        .map_err(|error| Problem::bad_request("bad-query", format!("The query does not fit: {error}.")))?;
    Ok(Request {
        caller: raw.caller,
        body,
        query,
        idempotency_key: raw.idempotency_key,
        seed: raw.seed,
        media_type: raw.media_type,
        headers: raw.headers,
        path: raw.path,
    })
}
