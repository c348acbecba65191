//! The platform's tables in memory, behind the real SDK, for tests of what stands on the store.
//!
//! Key service calls are answered by a stand-in that wraps keys reversibly and insecurely; a test that needs
//! another service gives its own answers with [`Tables::with_service`].

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use dynoxide::{Database, DynoxideError};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use toss_kernel::{Clock, RandomIds, SystemClock};
use toss_runtime::{Environment, Platform, Sdk, sdk::Settings};

use crate::{Store, Table};

/// Answers one operation of a service: a document, or the error's type and message.
pub type Service = Arc<dyn Fn(&str, &Value) -> Result<Value, (&'static str, String)> + Send + Sync>;

/// Four empty tables.
#[derive(Clone)]
pub struct Tables {
    home: Home,
}

#[derive(Clone)]
struct Home {
    database: Arc<Database>,
    services: Vec<(&'static str, Service)>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Home")
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

impl Tables {
    /// Makes the tables.
    ///
    /// # Panics
    /// When the database cannot be made; this is for tests.
    #[expect(clippy::expect_used, reason = "for tests only")]
    #[must_use]
    pub fn new() -> Self {
        let database = Database::memory().expect("a database in memory");
        for table in Table::ALL {
            let request = serde_json::from_value(definition(table)).expect("a table's definition");
            database.create_table(request).expect("a table");
        }
        let services: Vec<(&'static str, Service)> = vec![("TrentService", Arc::new(wrap))];
        Self { home: Home { database: Arc::new(database), services } }
    }

    /// With a service of the test's own, by the prefix of its `X-Amz-Target`.
    #[must_use]
    pub fn with_service(mut self, prefix: &'static str, service: Service) -> Self {
        self.home.services.push((prefix, service));
        self
    }

    /// A function's platform on these tables, with the machine's clock.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.platform_with(Arc::new(SystemClock), &[])
    }

    /// A function's platform with a clock and further settings.
    #[must_use]
    pub fn platform_with(&self, clock: Arc<dyn Clock>, settings: &[(&str, &str)]) -> Platform {
        let names = Table::ALL.map(|table| (table.variable(), name(table)));
        let common = [
            ("TOSS_ENVIRONMENT", "test"),
            ("TOSS_DATA_KEY_ID", "alias/data"),
            ("TOSS_LOG_KEY_ID", "alias/log"),
            ("TOSS_FUNCTION_PREFIX", "toss-test"),
            ("TOSS_APPROVALS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/000000000000/approvals"),
            ("TOSS_WEBHOOKS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/000000000000/webhooks"),
            ("TOSS_STATE_MACHINE_ROLE_ARN", "arn:aws:iam::000000000000:role/machines"),
        ];
        let environment: Environment =
            names.into_iter().chain(common).chain(settings.iter().copied()).collect();
        let home = self.home.clone();
        let sdk = Sdk::new(Settings {
            region: "us-east-1".into(),
            credentials: Credentials::new("AKIDTEST", "secret", None, None, "test"),
            endpoint: None,
            http_client: http_client_fn(move |_, _| SharedHttpConnector::new(home.clone())),
        });
        Platform { environment, sdk, clock, ids: Arc::new(RandomIds), metrics: Arc::new(|_| {}) }
    }

    /// The store on these tables.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(&self.platform())
    }
}

const fn name(table: Table) -> &'static str {
    match table {
        Table::Directory => "directory",
        Table::Work => "work",
        Table::Audit => "audit",
        Table::Limits => "limits",
    }
}

fn definition(table: Table) -> Value {
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let keys = |pk: &str, sk: &str| json!([{ "AttributeName": pk, "KeyType": "HASH" }, { "AttributeName": sk, "KeyType": "RANGE" }]);
    let mut attributes = vec![attribute("pk"), attribute("sk")];
    let mut definition = json!({
        "TableName": name(table),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys("pk", "sk"),
    });
    if table == Table::Work {
        let indexes: Vec<Value> = [crate::Index::First, crate::Index::Second]
            .iter()
            .map(|index| {
                let (index, pk, sk) = index.names();
                attributes.extend([attribute(pk), attribute(sk)]);
                json!({ "IndexName": index, "KeySchema": keys(pk, sk), "Projection": { "ProjectionType": "ALL" } })
            })
            .collect();
        definition["GlobalSecondaryIndexes"] = Value::Array(indexes);
    }
    definition["AttributeDefinitions"] = Value::Array(attributes);
    definition
}

/// The key service's stand-in: a wrapped key is the key with its encryption context in front.
fn wrap(operation: &str, request: &Value) -> Result<Value, (&'static str, String)> {
    let context = request["EncryptionContext"].to_string();
    match operation {
        "GenerateDataKey" => {
            let mut key = rand_bytes();
            key.truncate(32);
            let wrapped = [context.as_bytes(), b"|", &key].concat();
            Ok(json!({
                "KeyId": request["KeyId"],
                "Plaintext": STANDARD.encode(&key),
                "CiphertextBlob": STANDARD.encode(wrapped),
            }))
        }
        "Decrypt" => {
            let refusal = || ("InvalidCiphertextException", "not wrapped under this context".to_owned());
            let blob = request["CiphertextBlob"].as_str().and_then(|text| STANDARD.decode(text).ok());
            let blob = blob.ok_or_else(refusal)?;
            let key = blob.strip_prefix(context.as_bytes()).and_then(|rest| rest.strip_prefix(b"|"));
            let key = key.ok_or_else(refusal)?;
            Ok(json!({ "KeyId": request["KeyId"], "Plaintext": STANDARD.encode(key) }))
        }
        other => Err(("UnsupportedOperationException", format!("{other} has no stand-in"))),
    }
}

fn rand_bytes() -> Vec<u8> {
    use toss_kernel::Ids as _;
    let half = || RandomIds.next(&SystemClock).0.to_be_bytes();
    [half(), half()].concat()
}

impl Home {
    fn answer(&self, target: &str, body: &[u8]) -> (u16, String) {
        let (prefix, operation) = target.split_once('.').unwrap_or_default();
        if prefix.starts_with("DynamoDB") {
            return match self.database_call(operation, body) {
                Ok(answer) => (200, answer.to_string()),
                Err(error) => (error.status_code(), error.to_json()),
            };
        }
        let Some((_, service)) = self.services.iter().rev().find(|(known, _)| *known == prefix) else {
            return (400, json!({ "__type": "UnknownOperationException", "message": target }).to_string());
        };
        let request = serde_json::from_slice(body).unwrap_or(Value::Null);
        match service(operation, &request) {
            Ok(answer) => (200, answer.to_string()),
            Err((kind, message)) => (400, json!({ "__type": kind, "message": message }).to_string()),
        }
    }

    fn database_call(&self, operation: &str, body: &[u8]) -> Result<Value, DynoxideError> {
        macro_rules! calls {
            ($($name:literal => $method:ident,)*) => {
                match operation {
                    $($name => {
                        let request = serde_json::from_slice(body)
                            .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
                        let answer = self.database.$method(request)?;
                        serde_json::to_value(answer)
                            .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
                    })*
                    other => Err(DynoxideError::ValidationException(format!("{other} is not served"))),
                }
            };
        }
        calls! {
            "PutItem" => put_item,
            "GetItem" => get_item,
            "DeleteItem" => delete_item,
            "UpdateItem" => update_item,
            "Query" => query,
            "Scan" => scan,
            "BatchGetItem" => batch_get_item,
            "BatchWriteItem" => batch_write_item,
            "TransactWriteItems" => transact_write_items,
            "TransactGetItems" => transact_get_items,
        }
    }
}

impl HttpConnector for Home {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let home = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
            let body = request.into_body().collect().await;
            let body = body.map_err(ConnectorError::io)?.to_bytes();
            let (status, answer) = home.answer(&target, &body);
            let response = http::Response::builder()
                .status(status)
                .header("content-type", "application/x-amz-json-1.0")
                .body(SdkBody::from(answer))
                .map_err(|cause| ConnectorError::other(cause.into(), None))?;
            HttpResponse::try_from(response).map_err(|cause| ConnectorError::other(cause.into(), None))
        })
    }
}
