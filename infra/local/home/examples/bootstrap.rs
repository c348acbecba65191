//! The tests' functions as a Lambda binary, to see that a home runs real ones.

#[expect(clippy::panic, unreachable_pub, reason = "one of the functions panics to see what comes of it")]
#[path = "../tests/home/functions.rs"]
mod functions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toss_runtime::lambda::Error> {
    toss_runtime::lambda::run(&functions::functions()).await
}
