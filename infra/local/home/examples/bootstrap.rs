//! The tests' functions as a Lambda binary, to see that a home runs real ones.

#[path = "../tests/home/functions.rs"]
mod functions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toss_runtime::lambda::Error> {
    toss_runtime::lambda::run(&functions::functions()).await
}
