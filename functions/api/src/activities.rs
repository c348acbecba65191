//! The activity types that workflows may use.

use std::sync::Arc;

use http::Method;
use toss_kernel::activity::ActivitySpec;
use toss_runtime::{
    ConfigurationError, Platform,
    api::{Access, Problem, Reply, Request, Resource, Route},
};
use toss_workflow::Catalogue;

use crate::listing::Listing;

/// The endpoint.
pub(crate) struct Activities;

impl Resource for Activities {
    const HANDLER: &'static str = "activities";
    const SUMMARY: &'static str = "The activity types that workflows may use.";

    fn build(_: &Platform) -> Result<Self, ConfigurationError> {
        Ok(Self)
    }

    fn routes() -> Vec<Route<Self>> {
        let read = Access::Action("activities:read");
        vec![
            Route::new(Method::GET, "/v1/activities", read, 200, "All activity types", Self::list),
            Route::new(Method::GET, "/v1/activities/{type}", read, 200, "One activity type", Self::read),
        ]
    }
}

impl Activities {
    async fn list(self: Arc<Self>, _: Request) -> Result<Reply<Listing<ActivitySpec>>, Problem> {
        Ok(Reply::ok(Listing::whole(Catalogue::embedded().iter().cloned().collect())))
    }

    async fn read(self: Arc<Self>, request: Request) -> Result<Reply<ActivitySpec>, Problem> {
        let name: String = request.path("type", "activity type")?;
        let spec = Catalogue::embedded().get(&name).ok_or_else(|| Problem::not_found("activity type"))?;
        Ok(Reply::ok(spec.clone()))
    }
}
