//! What is one tenant's does not exist for another: 404 on every route, nothing in any list.

use bytes::Bytes;
use http::Method;

use crate::support::{
    client::Answer,
    openapi::{Route, routes},
    platform::Platform,
    receiver::Receiver,
    tenant::Tenant,
    things::Things,
};

/// What all tenants share, or make under names of their own: a call with any name does not touch another's.
const NOT_A_TENANTS_OWN: [(&str, &str); 3] = [
    ("GET", "/v1/activities/{type}"),
    ("GET", "/v1/templates/{id}"),
    ("POST", "/v1/templates/{id}/instantiate"),
];

async fn call(tenant: &Tenant, route: &Route, path: &str) -> Answer {
    let (media, body) = route.body.clone().unwrap_or_default();
    let headers = [("content-type", media.as_str())];
    let headers = if route.body.is_some() { &headers[..] } else { &[] };
    tenant.client.send(route.method.clone(), path, headers, Bytes::from(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_answers_anything_but_404_for_another_tenants_things() {
    let (platform, receiver) = (Platform::start(), Receiver::start().await);
    let owner = Tenant::sign_up(&platform, "Kontor Handels GmbH").await;
    let stranger = Tenant::sign_up(&platform, "Blue Harbour Ltd").await;
    let things = Things::make(&owner, &receiver).await;
    let mut wrong = Vec::new();
    let mut called = 0;
    for route in routes(&platform).await {
        let known = (route.method.as_str(), route.path.as_str());
        if route.action.is_none() || route.parameters().next().is_none() || NOT_A_TENANTS_OWN.contains(&known)
        {
            continue;
        }
        let path = route.with(|parameter| things.value(&route, parameter));
        // A name that the stranger gives to a thing of its own makes just that.
        if route.method == Method::PUT && route.path == "/v1/groups/{name}" {
            continue;
        }
        called += 1;
        let answer = call(&stranger, &route, &path).await;
        // What only the operator may do is refused whomever it concerns: also for the caller's own tenant.
        let of_operator = answer.status == 403 && {
            let own = route.with(|_| stranger.id.clone());
            route.path.starts_with("/v1/tenants/{id}") && call(&stranger, &route, &own).await.status == 403
        };
        let told = things.secrets().any(|secret| answer.text.contains(secret) && !path.contains(secret));
        if (answer.status != 404 && !of_operator) || told {
            wrong.push(format!("{} {path}: {} {}", route.method, answer.status, answer.text));
        }
    }
    assert!(called > 20, "only {called} routes have ids or names in their paths");
    assert!(wrong.is_empty(), "{} of {called}:\n{}", wrong.len(), wrong.join("\n"));
    still_there(&owner, &things).await;
}

/// Nothing of what the stranger tried has changed anything.
async fn still_there(owner: &Tenant, things: &Things) {
    let of = |prefix, name| things.get(prefix, name);
    let execution = owner.client.get(&format!("/v1/executions/{}", of("/v1/executions/", "id"))).await.ok();
    assert_eq!(execution["status"], "running", "{execution}");
    let task = owner.client.get(&format!("/v1/tasks/{}", of("/v1/tasks/", "id"))).await.ok();
    assert_eq!(task["status"], "open", "{task}");
    for path in
        ["/v1/workflows/secret-plan".to_owned(), format!("/v1/webhooks/{}", of("/v1/webhooks/", "id"))]
    {
        owner.client.get(&path).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_list_shows_anything_of_another_tenant() {
    let (platform, receiver) = (Platform::start(), Receiver::start().await);
    let owner = Tenant::sign_up(&platform, "Kontor Handels GmbH").await;
    let stranger = Tenant::sign_up(&platform, "Blue Harbour Ltd").await;
    let things = Things::make(&owner, &receiver).await;
    let mut lists = 0;
    for route in routes(&platform).await {
        if route.method != Method::GET || route.action.is_none() || route.parameters().next().is_some() {
            continue;
        }
        lists += 1;
        let mut paths = vec![route.path.clone()];
        // Filters by another tenant's ids find nothing either.
        for name in &route.query {
            paths.extend(things.secrets().map(|secret| format!("{}?{name}={secret}", route.path)));
        }
        for path in paths {
            let answer = stranger.client.get(&path).await;
            assert!(answer.status < 500, "{path}: {}", answer.text);
            let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
            let told =
                things.secrets().find(|secret| answer.text.contains(*secret) && !query.contains(*secret));
            assert_eq!(told, None, "{path}: {}", answer.text);
            if answer.status == 200 && !query.is_empty() {
                let items = answer.json()["items"].as_array().map_or(0, Vec::len);
                let found =
                    things.secrets().any(|secret| answer.json()["items"].to_string().contains(secret));
                assert!(!found, "{path}: {items} items: {}", answer.text);
            }
        }
    }
    assert!(lists > 5, "only {lists} lists");
}
