//! The key service as the AWS SDK sees it.

mod connector;
mod encryption;
mod lifecycle;
mod signing;
