//! The story: two tenants, three invoices, four eyes, one bank.

use http::Method;
use serde_json::{Value, json};
use toss_local::Home;

use super::{
    checks::{broken, ended, eventually, inclusion, signature},
    receiver::Receiver,
    timeline::Story,
};
use crate::{api::Api, failure::Failure};

/// How many steps [`play`] has.
pub(super) const STEPS: u64 = 13;

const LARGE: &str =
    include_str!("../../../../shared/workflow/templates/invoice-approval/over-threshold.sample.json");
const INVALID: &str =
    include_str!("../../../../shared/workflow/templates/invoice-approval/invalid.sample.json");

/// Plays it; the first step that does not hold ends it.
pub(super) async fn play(story: &mut Story, home: &Home, receiver: &Receiver) -> Result<(), Failure> {
    let operator = Api::new(&home.api_url(), home.operator_key())?;
    let (acme, other) = story.step("the operator creates two tenants", tenants(&operator)).await?;
    story.step("a group of approvers", group(&acme)).await?;
    let secret = story.step("a webhook is registered", webhook(&acme, receiver)).await?;
    story.step("the template Invoice Approval becomes a workflow", workflow(&acme, receiver)).await?;

    let large = story.step("an invoice over the threshold starts it", start(&acme, LARGE, None)).await?;
    story.step("two of the group approve, one through a delegate", approve(&acme, &large)).await?;
    story.step("it is paid, once", paid(&acme, &large, receiver)).await?;
    story.step("a webhook tells it, its signature is genuine", told(&large, &secret, receiver)).await?;

    let invalid = story.step("an invoice that fails validation", start(&acme, INVALID, None)).await?;
    story.step("takes the refusal path", refused(&acme, &invalid)).await?;

    let rejected = start(&acme, LARGE, Some("2026-0415"));
    let rejected = story.step("a third invoice is rejected", reject(&acme, rejected)).await?;
    story.step("its budget is released", compensated(&acme, &rejected, receiver)).await?;
    story.step("the other tenant sees none of it", isolated(&other, &large)).await?;
    let facts = story.step("the audit log is verified offline", verified(&acme, &large)).await?;
    for (name, value) in facts {
        story.fact(name, json!(value));
    }
    story.fact("execution", json!(large));
    Ok(())
}

type Told<T> = Result<(T, String), Failure>;

fn text(value: &Value, name: &str) -> Result<String, Failure> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| broken(format!("'{name}' is missing in {value}")))
}

async fn tenants(operator: &Api) -> Told<(Api, Api)> {
    let mut apis = Vec::new();
    let mut names = Vec::new();
    for name in ["Kontor Handels GmbH", "Blue Harbour Ltd"] {
        let tenant = operator.post("/v1/tenants", &json!({ "name": name, "plan": "standard" })).await?;
        names.push(format!("{name} ({})", text(&tenant, "id")?));
        apis.push(operator.with_key(&text(&tenant, "api_key")?));
    }
    let [first, second] = <[Api; 2]>::try_from(apis).map_err(|_| broken("two tenants were to be created"))?;
    Ok(((first, second), names.join(", ")))
}

async fn group(api: &Api) -> Told<()> {
    api.put("/v1/groups/finance", &json!({ "members": ["dana", "emil", "farah"] })).await?;
    Ok(((), "finance = dana, emil, farah".into()))
}

async fn webhook(api: &Api, receiver: &Receiver) -> Told<String> {
    let url = format!("http://{}/webhooks", receiver.address());
    let events = json!(["execution.succeeded", "execution.failed"]);
    let endpoint = api.post("/v1/webhooks", &json!({ "url": url, "events": events })).await?;
    Ok((text(&endpoint, "secret")?, url))
}

async fn workflow(api: &Api, receiver: &Receiver) -> Told<()> {
    let bank = format!("http://{}", receiver.address());
    let parameters = json!({
        "payment_url": format!("{bank}/payments"),
        "ledger_url": format!("{bank}/reservations"),
        "approvers": ["finance"],
        "quorum": 2,
    });
    let body = json!({ "name": "invoice-approval", "parameters": parameters });
    let workflow = api.post("/v1/templates/invoice-approval/instantiate", &body).await?;
    Ok(((), format!("{} version {}", text(&workflow, "name")?, workflow["version"])))
}

/// Starts the workflow with a sample invoice, under another number if one is given.
async fn start(api: &Api, sample: &str, number: Option<&str>) -> Told<String> {
    let mut input: Value =
        serde_json::from_str(sample).map_err(|error| broken(format!("the sample: {error}")))?;
    if let Some(number) = number {
        input["invoice"]["number"] = json!(number);
    }
    let invoice = &input["invoice"];
    let what =
        format!("{} over {} {}", text(invoice, "number")?, invoice["amount"], text(invoice, "currency")?);
    let body = json!({ "input": input, "name": text(invoice, "number")? });
    let execution = api.post("/v1/workflows/invoice-approval/executions", &body).await?;
    // Who is not sure that the first call arrived repeats it, and gets the same execution.
    let again = api.post("/v1/workflows/invoice-approval/executions", &body).await?;
    if execution["id"] != again["id"] {
        return Err(broken("the same name started two executions"));
    }
    Ok((text(&execution, "id")?, what))
}

/// The open task of an execution.
async fn task(api: &Api, execution: &str) -> Result<String, Failure> {
    eventually("a task for the approvers", async || {
        let tasks = api.get(&format!("/v1/tasks?status=open&execution_id={execution}")).await?;
        tasks["items"].get(0).map(|task| text(task, "id")).transpose()
    })
    .await
}

async fn approve(api: &Api, execution: &str) -> Told<()> {
    let task = task(api, execution).await?;
    let decision = format!("/v1/tasks/{task}/decision");
    api.post(&decision, &json!({ "decision": "approve", "as": "dana", "comment": "ordered by us" })).await?;
    api.post(&format!("/v1/tasks/{task}/delegation"), &json!({ "as": "emil", "to": "greta" })).await?;
    api.post(&decision, &json!({ "decision": "approve", "as": "greta" })).await?;
    Ok(((), "dana; greta for emil".into()))
}

async fn paid(api: &Api, execution: &str, receiver: &Receiver) -> Told<()> {
    let execution = ended(api, execution, "succeeded").await?;
    let output = &execution["output"];
    if output["status"] != "paid" || output["payment"]["href"].is_null() {
        return Err(broken(format!("the output should tell the payment: {output}")));
    }
    let payments = receiver.counts(&Method::POST, "/payments");
    if payments.len() != 1 || payments.values().any(|times| *times != 1) {
        return Err(broken(format!("one payment was to arrive once; by idempotency key: {payments:?}")));
    }
    Ok(((), text(&output["payment"], "href")?))
}

async fn told(execution: &str, secret: &str, receiver: &Receiver) -> Told<()> {
    let webhook = eventually("the webhook", async || {
        let received = receiver.on(&Method::POST, "/webhooks");
        Ok(received.into_iter().find(|webhook| {
            let body: Value = serde_json::from_slice(&webhook.body).unwrap_or_default();
            body["type"] == "execution.succeeded" && body["data"].to_string().contains(execution)
        }))
    })
    .await?;
    signature(secret, &webhook)?;
    let mut forged = webhook;
    forged.body = bytes::Bytes::from_static(b"{}");
    if signature(secret, &forged).is_ok() {
        return Err(broken("the signature also holds for a forged body"));
    }
    Ok(((), "execution.succeeded".into()))
}

async fn refused(api: &Api, execution: &str) -> Told<()> {
    let execution = ended(api, execution, "succeeded").await?;
    if execution["output"]["status"] != "refused" {
        return Err(broken(format!("the invoice should be refused: {}", execution["output"])));
    }
    Ok(((), "refused, and accounting told".into()))
}

async fn reject(api: &Api, started: impl Future<Output = Told<String>>) -> Told<String> {
    let (execution, what) = started.await?;
    let task = task(api, &execution).await?;
    let body = json!({ "decision": "reject", "as": "farah", "comment": "we never got the goods" });
    api.post(&format!("/v1/tasks/{task}/decision"), &body).await?;
    Ok((execution, what))
}

async fn compensated(api: &Api, execution: &str, receiver: &Receiver) -> Told<()> {
    let ended = ended(api, execution, "failed").await?;
    let released = receiver.on(&Method::DELETE, &format!("/reservations/{execution}"));
    if released.len() != 1 {
        return Err(broken(format!("the reservation was to be released once, not {} times", released.len())));
    }
    Ok(((), format!("failed with {}", text(&ended, "error")?)))
}

async fn isolated(other: &Api, execution: &str) -> Told<()> {
    for path in [format!("/v1/executions/{execution}"), format!("/v1/executions/{execution}/history")] {
        let answer = other.send(Method::GET, &path, None).await?;
        if answer.status != 404 {
            return Err(broken(format!("{path} should be 404 for another tenant, and is {}", answer.status)));
        }
    }
    let tasks = other.get("/v1/tasks").await?;
    if tasks["items"].as_array().is_none_or(|items| !items.is_empty()) {
        return Err(broken("the other tenant sees tasks"));
    }
    Ok(((), "404".into()))
}

async fn verified(api: &Api, execution: &str) -> Told<Vec<(&'static str, String)>> {
    let events = api.get("/v1/audit/events?limit=100").await?;
    let events = events["items"].as_array().cloned().unwrap_or_default();
    let event = events
        .iter()
        .find(|event| event.to_string().contains(execution))
        .ok_or_else(|| broken("the audit log does not know the execution"))?;
    let id = text(event, "id")?;
    let proof = eventually("the event's proof", async || {
        let answer = api.send(Method::GET, &format!("/v1/audit/events/{id}/proof"), None).await?;
        match answer.status {
            200 => Ok(Some(answer.text)),
            409 => Ok(None),
            status => Err(broken(format!("the proof answers {status}: {}", answer.text))),
        }
    })
    .await?;
    let key = api.text("/v1/audit/key").await?;
    let leaf = api.text(&format!("/v1/audit/events/{id}/leaf")).await?;
    let (index, size) = inclusion(&proof, leaf.as_bytes(), &key)?;
    let checkpoint = api.text("/v1/audit/checkpoint").await?;
    let root = checkpoint.lines().nth(2).unwrap_or_default().to_owned();
    let facts = vec![("log key", key.trim().to_owned()), ("log root", root)];
    Ok((facts, format!("event {index} of {size} is in the log; checkpoint signed")))
}
