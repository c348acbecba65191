//! The ARNs of this engine's things.

/// Makes and reads ARNs of one region and account.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) region: String,
    pub(crate) account: String,
}

/// What an ARN names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A state machine.
    Machine(String),
    /// A version of a state machine.
    Version(String, u32),
    /// An alias of a state machine.
    Alias(String, String),
    /// An execution of a state machine (with a label after a slash for children of a distributed Map).
    Execution(String, String),
    /// An Express execution.
    Express(String, String),
    /// A distributed Map's run.
    MapRun(String),
    /// An activity.
    Activity(String),
}

impl Names {
    pub(crate) fn machine(&self, name: &str) -> String {
        self.arn("stateMachine", name)
    }

    pub(crate) fn version(&self, machine: &str, version: u32) -> String {
        format!("{}:{version}", self.machine(machine))
    }

    pub(crate) fn alias(&self, machine: &str, alias: &str) -> String {
        format!("{}:{alias}", self.machine(machine))
    }

    pub(crate) fn execution(&self, machine: &str, name: &str) -> String {
        format!("{}:{name}", self.arn("execution", machine))
    }

    pub(crate) fn express(&self, machine: &str, name: &str, id: &str) -> String {
        format!("{}:{name}:{id}", self.arn("express", machine))
    }

    pub(crate) fn activity(&self, name: &str) -> String {
        self.arn("activity", name)
    }

    fn arn(&self, kind: &str, rest: &str) -> String {
        format!("arn:aws:states:{}:{}:{kind}:{rest}", self.region, self.account)
    }

    /// Reads an ARN of Step Functions; the error is AWS's sentence about what is wrong with it.
    pub(crate) fn parse(&self, arn: &str) -> Result<Named, String> {
        let mut parts = arn.splitn(7, ':');
        if parts.next() != Some("arn") {
            return Err(format!("Invalid Arn: 'Invalid ARN prefix: {arn}'"));
        }
        let mut next = || parts.next().filter(|part| !part.is_empty());
        let (Some(_partition), Some(service), Some(_region), Some(_account), Some(kind), Some(rest)) =
            (next(), next(), next(), next(), next(), next())
        else {
            return Err(format!("Invalid Arn: 'Invalid ARN: {arn}'"));
        };
        if service != "states" {
            return Err(format!("Invalid Arn: 'Resource type not valid in this context: {service}'"));
        }
        let unknown = || format!("Invalid Arn: 'Resource type not valid in this context: {kind}'");
        let pair = || rest.split_once(':').map(|(first, second)| (first.to_owned(), second.to_owned()));
        match kind {
            "stateMachine" => Ok(match pair() {
                None => Named::Machine(rest.to_owned()),
                Some((machine, qualifier)) => match qualifier.parse() {
                    Ok(version) => Named::Version(machine, version),
                    Err(_) => Named::Alias(machine, qualifier),
                },
            }),
            "execution" => pair().map(|(machine, name)| Named::Execution(machine, name)).ok_or_else(unknown),
            "express" => pair().map(|(machine, name)| Named::Express(machine, name)).ok_or_else(unknown),
            "mapRun" => Ok(Named::MapRun(rest.to_owned())),
            "activity" => Ok(Named::Activity(rest.to_owned())),
            _ => Err(unknown()),
        }
    }
}
