//! Queue names, and the URLs and ARNs that carry them.

use toss_local_protocol::ServiceError;

use crate::refusal;

const LONGEST: usize = 80;
const FIFO_SUFFIX: &str = ".fifo";

/// Where this home's queues are: what URLs and ARNs are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Address {
    pub(crate) fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{name}", self.region, self.account)
    }

    /// The name of a queue of this home out of its ARN.
    pub(crate) fn name_in_arn<'a>(&self, arn: &'a str) -> Option<&'a str> {
        arn.strip_prefix("arn:aws:sqs:")?
            .strip_prefix(self.region.as_str())?
            .strip_prefix(':')?
            .strip_prefix(self.account.as_str())?
            .strip_prefix(':')
    }

    /// The name of a queue out of its URL. Any host will do: the same queues answer under several.
    pub(crate) fn name_in_url<'a>(&self, url: &'a str) -> Result<&'a str, ServiceError> {
        let shown: String = url.chars().take(256).collect();
        let invalid = || {
            refusal::modelled(
                "InvalidAddress",
                format!("The address {shown} is not valid for this endpoint."),
            )
        };
        let path = match url.split_once("://") {
            Some(("http" | "https", rest)) => rest.split_once('/').ok_or_else(invalid)?.1,
            Some(_) => return Err(invalid()),
            None => url.trim_start_matches('/'),
        };
        match path.trim_end_matches('/').split_once('/') {
            Some((account, name)) if account == self.account => Ok(name),
            Some(_) => Err(refusal::no_such_queue()),
            // The CLI and older SDKs take a bare name too.
            None if url.contains("://") => Err(invalid()),
            None => Ok(path),
        }
    }
}

/// Whether the name is one of a FIFO queue.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(FIFO_SUFFIX)
}

/// Checks a name for a new queue.
pub(crate) fn check(name: &str) -> Result<(), ServiceError> {
    let stem = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if stem.is_empty() || name.len() > LONGEST || !stem.chars().all(allowed) {
        return Err(refusal::invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address { region: "us-east-1".into(), account: "000000000000".into() }
    }

    #[test]
    fn a_queue_is_found_by_url_under_any_host_and_by_arn() {
        let address = address();
        for url in [
            "http://127.0.0.1:4566/000000000000/jobs",
            "https://sqs.us-east-1.amazonaws.com/000000000000/jobs",
            "jobs",
        ] {
            assert_eq!(address.name_in_url(url).unwrap(), "jobs");
        }
        assert_eq!(address.name_in_arn(&address.arn("jobs")), Some("jobs"));
        assert_eq!(address.name_in_arn("arn:aws:sqs:eu-west-1:000000000000:jobs"), None);
        assert!(address.name_in_url("http://host").is_err());
        assert!(address.name_in_url("ftp://host/000000000000/jobs").is_err());
        assert!(address.name_in_url("http://host/111111111111/jobs").is_err());
    }

    #[test]
    fn names_are_letters_digits_hyphens_and_underscores() {
        assert!(check("a-b_C9").is_ok());
        assert!(check("jobs.fifo").is_ok());
        assert!(check(&"x".repeat(80)).is_ok());
        for bad in ["", ".fifo", "a b", "a.b", &"x".repeat(81)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
