//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// TOSS turns a business service into software.
#[derive(Debug, Parser)]
#[command(name = "toss", version, about, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Write one JSON document instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the main job on an embedded platform, from nothing to a verified audit log.
    Demo(Demo),
    /// Run the platform on this machine until a signal.
    Up(Up),
    /// Validate, test, compile, draw or run a workflow definition.
    #[command(subcommand)]
    Workflow(Workflow),
    /// List and decide tasks.
    #[command(subcommand)]
    Task(Task),
    /// Verify the audit log offline.
    #[command(subcommand)]
    Audit(Audit),
    /// Build the Lambda binaries and deploy them with `sam deploy`.
    Deploy(Deploy),
    /// Say what this machine has and lacks for running and deploying TOSS.
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// An empty folder for the demo's data; a new one below .toss when not given.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Run the functions as the Lambda binaries in this folder instead of in this process.
    #[arg(long, value_name = "DIR")]
    pub(crate) lambda_binaries: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where the API listens; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Where DynamoDB, SQS, Step Functions and KMS listen, for the AWS CLI and SDKs; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
    pub(crate) aws_listen: SocketAddr,
    /// Where everything is kept.
    #[arg(long, default_value = ".toss/data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Run the functions as the Lambda binaries in this folder instead of in this process.
    #[arg(long, value_name = "DIR")]
    pub(crate) lambda_binaries: Option<PathBuf>,
    /// A host, or host:port, that outbound calls may reach although it is not a public address, such as
    /// 127.0.0.1:9000 or localhost. May be repeated, or comma-separated in TOSS_OUTBOUND_ALLOW.
    #[arg(long, value_name = "HOST", env = "TOSS_OUTBOUND_ALLOW", value_delimiter = ',')]
    pub(crate) allow_outbound: Vec<String>,
    /// The operator's key; made once and kept in the data folder when not set.
    #[arg(long, env = "TOSS_OPERATOR_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) operator_key: Option<String>,
}

/// Where the API is and who calls.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// The API's address.
    #[arg(long, env = "TOSS_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: String,
    /// An API key.
    #[arg(long, env = "TOSS_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Say everything that is wrong with a definition, without a platform.
    Validate {
        /// The definition, YAML or JSON; - for the standard input.
        file: PathBuf,
    },
    /// Show the state machine that a definition becomes.
    Compile {
        /// The definition, YAML or JSON; - for the standard input.
        file: PathBuf,
    },
    /// Draw a definition as a Mermaid flow chart.
    Graph {
        /// The definition, YAML or JSON; - for the standard input.
        file: PathBuf,
    },
    /// Run a definition against mocked results, without a platform; days pass at once.
    Test {
        /// The definition, YAML or JSON; - for the standard input.
        file: PathBuf,
        /// What the steps answer, YAML or JSON: `step: result`, or `{name, input, mocks, expect}`, or a list of those.
        #[arg(long, value_name = "FILE")]
        mocks: PathBuf,
        /// A JSON file with the input, instead of the one in the mocks' file.
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
    },
    /// Register a definition, start it and wait for its end.
    Run {
        /// The definition, YAML or JSON; - for the standard input.
        file: PathBuf,
        /// A JSON file with the input; an empty object when not given.
        #[arg(long, value_name = "FILE")]
        input: Option<PathBuf>,
        /// Give up waiting after so many seconds; the execution goes on.
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        wait: u64,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// List tasks.
    List {
        /// Which ones: open, approved, rejected, expired or cancelled.
        #[arg(long, default_value = "open")]
        status: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// Approve or reject a task.
    Decide {
        /// The task's id.
        id: String,
        /// approve or reject.
        #[arg(value_parser = ["approve", "reject"])]
        decision: String,
        /// A word to the others.
        #[arg(long)]
        comment: Option<String>,
        /// The assignee for whom an administrator decides.
        #[arg(long = "as", value_name = "NAME")]
        on_behalf_of: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check a proof against the log's public key, offline.
    Verify {
        /// The proof, as `GET /v1/audit/events/{id}/proof` gave it.
        proof: PathBuf,
        /// The event's leaf, as the proof's route gave it.
        #[arg(long, value_name = "FILE")]
        leaf: PathBuf,
        /// The log's verifier key, or a file with it.
        #[arg(long, value_name = "KEY")]
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The CloudFormation stack's name.
    #[arg(long, default_value = "toss")]
    pub(crate) stack_name: String,
    /// Part of API keys and of the audit log's name.
    #[arg(long, default_value = "production")]
    pub(crate) environment: String,
    /// Print the commands and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
