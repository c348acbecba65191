//! What the documents say is so: commands exist, links lead somewhere, definitions are right.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use toss_workflow::{Catalogue, Format};

use crate::support::{binaries, root};

/// The documents that people write: those in the root, and those below docs/ that are not generated.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("reference") => {}
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found.sort();
    assert!(found.len() >= 8, "{found:?}");
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The fenced blocks of a language: what follows the language on the fence, line number, content.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<(&'t str, usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(opened) = line.strip_prefix("```") else { continue };
        let content: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect();
        if let Some(rest) = opened.strip_prefix(language) {
            blocks.push((rest.trim(), number + 2, content.join("\n")));
        }
    }
    blocks
}

/// Every use of the program in a text: the words after `toss`.
fn uses(text: &str) -> BTreeSet<Vec<String>> {
    let in_blocks = blocks(text, "console").into_iter().flat_map(|(_, _, content)| {
        content
            .replace("\\\n", " ")
            .lines()
            .filter_map(|line| Some(line.strip_prefix("$ ")?.to_owned()))
            .collect::<Vec<_>>()
    });
    let in_text =
        text.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2).map(str::to_owned));
    in_blocks
        .chain(in_text)
        .filter_map(|command| {
            let command = command.split(" #").next().unwrap_or_default().trim().to_owned();
            let rest = ["toss ", "cargo run -- "].iter().find_map(|program| command.strip_prefix(program))?;
            Some(rest.split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

#[test]
fn commands_that_the_documents_name_exist_with_their_options() {
    let mut checked = 0;
    for path in documents() {
        for words in uses(&std::fs::read_to_string(&path).unwrap()) {
            let commands: Vec<&str> =
                words.iter().map(String::as_str).take_while(|word| is_command(word)).collect();
            let mut arguments = commands.clone();
            arguments.push("--help");
            // The last word may be an argument; what is not a command has no help of its own.
            let mut output = binaries::run(&root(), &arguments);
            while !output.status.success() && arguments.len() > 2 {
                arguments.remove(arguments.len() - 2);
                output = binaries::run(&root(), &arguments);
            }
            let said = shown(&path);
            assert!(output.status.success(), "{said}: there is no command `toss {}`", words.join(" "));
            let help = String::from_utf8_lossy(&output.stdout).into_owned();
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or_default();
                assert!(
                    help.contains(option),
                    "{said}: `toss {}` knows no {option}:\n{help}",
                    words.join(" ")
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} commands were found");
}

fn is_command(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_lowercase())
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = path.parent().unwrap().join(file);
            assert!(target.exists(), "{}: {link} leads nowhere", shown(&path));
        }
    }
}

/// A definition that a document shows whole, or the steps that it shows, as a definition.
fn definition(kind: &str, content: &str) -> Option<String> {
    match kind {
        "" if content.contains("workflow:") => Some(content.to_owned()),
        "steps" => {
            let steps: Vec<String> = content.lines().map(|line| format!("  {line}")).collect();
            Some(format!("workflow: sample\nsteps:\n{}", steps.join("\n")))
        }
        _ => None,
    }
}

#[test]
fn definitions_in_the_documents_are_right() {
    let mut checked = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for (kind, line, content) in blocks(&text, "yaml") {
            let Some(definition) = definition(kind, &content) else { continue };
            let said = format!("{}:{line}", shown(&path));
            let document = toss_workflow::parse(&definition, Format::Yaml)
                .unwrap_or_else(|problems| panic!("{said} is not read: {problems:#?}"));
            let problems = toss_workflow::check(&document, Catalogue::embedded());
            assert!(problems.is_empty(), "{said}: {problems:#?}");
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} definitions were found");
}

#[test]
fn alarms_of_the_template_are_explained_to_operators() {
    let stack = std::fs::read_to_string(root().join("infra/stacks/observability.yaml")).unwrap();
    let page = std::fs::read_to_string(root().join("docs/operators/alarms.md")).unwrap();
    let mut name = "";
    for line in stack.lines() {
        if let Some(resource) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')) {
            name = resource.trim_end_matches(':');
        }
        if line.trim() == "Type: AWS::CloudWatch::Alarm" {
            assert!(page.contains(&format!("## {name}")), "docs/operators/alarms.md does not explain {name}");
        }
    }
}
