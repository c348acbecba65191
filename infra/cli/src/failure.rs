//! Why a command failed, as it is told to a person or to a program.

use std::process::ExitCode;

use serde_json::{Value, json};

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file or socket.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A file, by name.
    #[error("{path}: {source}")]
    File {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// The platform did not start.
    #[error("the platform did not start: {0}")]
    Start(String),
    /// The API could not be reached.
    #[error("{url} cannot be reached: {cause}; is the platform up? `toss up` starts one here")]
    Unreachable { url: String, cause: String },
    /// The API refused.
    #[error("{0}")]
    Refused(Problem),
    /// Something was not as promised.
    #[error("{0}")]
    Broken(String),
    /// The arguments are well-formed but make no sense together.
    #[error("{0}")]
    Usage(String),
}

/// A problem document of the API.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) document: Value,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |name: &str| self.document.get(name).and_then(Value::as_str).unwrap_or_default();
        write!(f, "{} {}: {}", self.status, text("title"), text("detail"))?;
        let problems = self.document.get("problems").and_then(Value::as_array);
        for problem in problems.into_iter().flatten() {
            let place = problem.get("pointer").and_then(Value::as_str).unwrap_or_default();
            let message = problem.get("message").and_then(Value::as_str).unwrap_or_default();
            write!(f, "\n  {place}: {message}")?;
        }
        Ok(())
    }
}

impl Failure {
    /// Tells it and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if json {
            let problem = match self {
                Self::Refused(problem) => problem.document.clone(),
                _ => Value::Null,
            };
            println!("{}", json!({ "ok": false, "error": self.to_string(), "problem": problem }));
        } else {
            eprintln!("toss: {self}");
        }
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}
