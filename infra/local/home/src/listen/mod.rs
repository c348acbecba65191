//! HTTP/1.1 on loopback: what the gateway and the services' port have in common, and that port itself.

mod aws;
mod connections;
mod sts;

pub(crate) use aws::AwsPort;
pub(crate) use connections::{Closing, connections};
