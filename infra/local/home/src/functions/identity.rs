//! What a function is told of itself: the variables that Lambda sets beside the template's own.

use std::collections::BTreeMap;

use crate::services::FunctionKey;
use crate::template::model::Function;

/// A function's key and place.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) key: FunctionKey,
    pub(crate) region: String,
}

impl Identity {
    /// The variables of a function: Lambda's own, and over them the template's.
    pub(super) fn variables(&self, function: &Function) -> BTreeMap<String, String> {
        let own = [
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_ACCESS_KEY_ID", self.key.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.key.secret_access_key.clone()),
            ("AWS_SESSION_TOKEN", "local".to_owned()),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
            ("_HANDLER", function.handler.clone()),
            ("TZ", ":UTC".to_owned()),
        ];
        let mut variables: BTreeMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        variables.extend(function.environment.clone());
        variables
    }
}
