//! The settings of a function, read once at start.

use std::collections::BTreeMap;

/// A function's environment variables, as a value: from the process in a Lambda, from the template on one
/// machine. Nothing else in the platform reads the process's environment.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// A setting is missing or malformed; the function does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// A variable is not set.
    #[error("the environment variable {name} is not set; {hint}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// Where it comes from.
        hint: &'static str,
    },
    /// A variable cannot be understood.
    #[error("the environment variable {name} is not valid: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it; never its value.
        reason: String,
    },
    /// `_HANDLER` names no function of this binary.
    #[error("no function is called '{handler}' here; this binary has: {known}")]
    UnknownHandler {
        /// What `_HANDLER` said.
        handler: String,
        /// The names there are.
        known: String,
    },
}

impl Environment {
    /// The process's own environment.
    #[must_use]
    pub fn from_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// A variable, if it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable that the template always sets.
    ///
    /// # Errors
    /// [`ConfigurationError::Missing`] when it is not set.
    pub fn required(&self, name: &'static str) -> Result<&str, ConfigurationError> {
        self.get(name).ok_or(ConfigurationError::Missing {
            name,
            hint: "the function's Environment in the template sets it",
        })
    }

    /// The AWS Region; `us-east-1` when none is set.
    #[must_use]
    pub fn region(&self) -> &str {
        self.get("AWS_REGION").unwrap_or("us-east-1")
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named_and_values_are_never_printed() {
        let environment: Environment =
            [("TOSS_WORK_TABLE", "work"), ("AWS_SECRET_ACCESS_KEY", "hush")].into_iter().collect();
        assert_eq!(environment.required("TOSS_WORK_TABLE").unwrap(), "work");
        assert!(
            environment.required("TOSS_AUDIT_TABLE").unwrap_err().to_string().contains("TOSS_AUDIT_TABLE")
        );
        assert!(!format!("{environment:?}").contains("hush"));
    }
}
