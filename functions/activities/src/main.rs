//! The Lambda binary of this trust group; `_HANDLER` says which of its functions it is.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), toss_runtime::lambda::Error> {
    toss_runtime::lambda::run(&toss_functions_activities::functions()).await
}
