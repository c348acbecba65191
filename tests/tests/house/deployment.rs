//! What is deployed is what the registries say, and the template's parts fit together.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::support::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands under a name; the tags of CloudFormation's short forms are passed by.
fn member<'y>(yaml: &'y Yaml<'y>, name: &str) -> Option<&'y Yaml<'y>> {
    let yaml = if let Yaml::Tagged(_, inner) = yaml { inner } else { yaml };
    yaml.as_mapping_get(name)
}

fn names(yaml: Option<&Yaml<'_>>) -> BTreeSet<String> {
    let mapping = yaml.and_then(Yaml::as_mapping);
    mapping
        .into_iter()
        .flat_map(|mapping| mapping.keys())
        .filter_map(|key| Some(key.as_str()?.to_owned()))
        .collect()
}

/// The stacks of the root template: name, file, the names of the parameters that it is passed.
fn stacks(root_template: &str) -> Vec<(String, String, BTreeSet<String>)> {
    let documents = Yaml::load_from_str(root_template).unwrap();
    let resources = member(&documents[0], "Resources").and_then(Yaml::as_mapping).expect("resources");
    resources
        .iter()
        .map(|(name, resource)| {
            let properties = member(resource, "Properties").expect("properties");
            let location = member(properties, "Location").and_then(Yaml::as_str).expect("a nested stack");
            (
                name.as_str().expect("a name").to_owned(),
                location.to_owned(),
                names(member(properties, "Parameters")),
            )
        })
        .collect()
}

#[test]
fn generated_files_are_what_the_registries_say() {
    let differing = toss_generate::differing(&root());
    assert!(differing.is_empty(), "run `cargo run -p toss-generate` and commit: {differing:?}");
}

#[test]
fn every_stack_is_passed_the_parameters_that_it_declares() {
    for (name, location, passed) in stacks(&read("template.yaml")) {
        let text = read(&location);
        let stack = Yaml::load_from_str(&text).unwrap();
        let declared = names(member(&stack[0], "Parameters"));
        assert_eq!(declared, passed, "{name}: what {location} declares, and what template.yaml passes");
    }
}

#[test]
fn outputs_that_the_template_takes_from_a_stack_are_there() {
    let template = read("template.yaml");
    let outputs: BTreeMap<String, BTreeSet<String>> = stacks(&template)
        .into_iter()
        .map(|(name, location, _)| {
            let text = read(&location);
            let stack = Yaml::load_from_str(&text).unwrap();
            let outputs = names(member(&stack[0], "Outputs"));
            (name, outputs)
        })
        .collect();
    let mut taken = 0;
    for reference in template.split("!GetAtt ").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
        let (stack, output) = reference.split_once(".Outputs.").expect("the output of a stack");
        assert!(outputs[stack].contains(output), "{reference}: {stack} has {:?}", outputs[stack]);
        taken += 1;
    }
    assert!(taken > 20, "only {taken} outputs are taken");
}

#[test]
fn every_stack_on_disk_is_deployed_and_read_by_the_local_home() {
    let deployed: BTreeSet<String> =
        stacks(&read("template.yaml")).into_iter().map(|(_, file, _)| file).collect();
    let on_disk: BTreeSet<String> = std::fs::read_dir(root().join("infra/stacks"))
        .unwrap()
        .map(|entry| format!("infra/stacks/{}", entry.unwrap().file_name().to_string_lossy()))
        .collect();
    assert_eq!(deployed, on_disk);
    let embedded = read("infra/cli/src/embedded.rs");
    for stack in deployed {
        assert!(embedded.contains(&format!("\"{stack}\"")), "{stack} is not embedded in the toss command");
    }
}

#[test]
fn no_function_may_touch_everything() {
    for (_, location, _) in stacks(&read("template.yaml")) {
        let text = read(&location);
        for (number, line) in text.lines().enumerate() {
            let wildcard = line.trim() == "- \"*\"" || line.trim() == "Resource: \"*\"";
            let before: Vec<&str> = text.lines().take(number).collect();
            let reason = before.iter().rev().take(4).any(|line| {
                // A key's own policy means the key by `*`; answers for tasks name the execution by their token.
                line.contains("kms:*") || line.contains("states:SendTask")
            });
            assert!(!wildcard || reason, "{location}:{}: {line}", number + 1);
        }
    }
}
