//! The types of clients.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of application a client is, and so which credentials suit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientType {
    /// A web application whose server keeps a secret.
    WebApp,
    /// An app on a person's device: it can keep no secret.
    Mobile,
    /// A page in a browser: it can keep no secret.
    Spa,
    /// A program that calls with an API key.
    Api,
    /// A service that acts for itself.
    Service,
    /// An integration of a large customer.
    Enterprise,
}

impl ClientType {
    /// Whether it can keep an API key. What runs on a person's device cannot: its key would be everybody's.
    #[must_use]
    pub const fn keeps_secrets(self) -> bool {
        !matches!(self, Self::Mobile | Self::Spa)
    }

    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebApp => "web_app",
            Self::Mobile => "mobile",
            Self::Spa => "spa",
            Self::Api => "api",
            Self::Service => "service",
            Self::Enterprise => "enterprise",
        }
    }
}

impl fmt::Display for ClientType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
