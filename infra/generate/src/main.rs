//! `cargo run -p toss-generate` writes the generated files; with `--check` it only says which differ.

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let check = std::env::args().any(|argument| argument == "--check");
    if check {
        let differing = toss_generate::differing(&root);
        for path in &differing {
            eprintln!(
                "{path} is not what the registries say; run `cargo run -p toss-generate` and commit it"
            );
        }
        return if differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    for artifact in toss_generate::artifacts() {
        let path = root.join(artifact.path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, artifact.content));
        if let Err(error) = written {
            eprintln!("{} cannot be written: {error}", artifact.path);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
