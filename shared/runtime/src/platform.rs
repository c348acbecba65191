//! What a function is built from.

use std::sync::Arc;

use toss_kernel::{Clock, Ids, RandomIds, SystemClock};

use crate::{
    ConfigurationError, Environment, Sdk,
    telemetry::{self, MetricsSink},
};

/// Settings, SDK clients, clock and ids: all that a function may touch of the world.
#[derive(Clone)]
pub struct Platform {
    /// The function's settings.
    pub environment: Environment,
    /// The AWS clients, under the function's own role.
    pub sdk: Sdk,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Where the function's metrics go.
    pub metrics: MetricsSink,
}

impl Platform {
    /// The platform of a Lambda process: credentials and region from its environment.
    ///
    /// # Errors
    /// [`ConfigurationError`] when Lambda's own variables are missing.
    pub fn from_environment(environment: Environment) -> Result<Self, ConfigurationError> {
        Ok(Self {
            sdk: Sdk::from_environment(&environment)?,
            environment,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            metrics: telemetry::standard_output(),
        })
    }
}
