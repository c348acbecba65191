//! What may be in the house: licences, denied crates, and crates that are there twice.

use std::{collections::{BTreeMap, BTreeSet}, process::Command};

use serde_json::Value;

use crate::support::root;

/// Crates that are there in more than one version, each with who needs the older one.
const DOUBLED: &[(&str, &str)] = &[];

/// The packages that the workspace uses on Linux.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: BTreeSet<String> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].as_str().unwrap().to_owned())
        .collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.filter(|package| used.contains(package["id"].as_str().unwrap())).cloned().collect()
}

/// The texts in a list of deny.toml.
fn listed(section: &str, list: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let section = text.split(&format!("[{section}]")).nth(1).expect("the section");
    let section = section.split("\n[").next().unwrap_or_default();
    let list = section.split(&format!("{list} = [")).nth(1).expect("the list");
    list.split("\n]").next().unwrap_or_default().lines().map(str::to_owned).collect()
}

fn name(package: &Value) -> String {
    format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
}

/// Whether an SPDX expression is satisfied by the licences that are allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // `/` is how crates wrote OR before SPDX.
    let expression = expression.replace('/', " OR ");
    any(&mut tokens(&expression).into_iter().peekable(), allowed)
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<String>>;

fn tokens(expression: &str) -> Vec<String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn any(tokens: &mut Tokens, allowed: &BTreeSet<String>) -> bool {
    let mut holds = all(tokens, allowed);
    while tokens.next_if(|token| token == "OR").is_some() {
        holds |= all(tokens, allowed);
    }
    holds
}

fn all(tokens: &mut Tokens, allowed: &BTreeSet<String>) -> bool {
    let mut holds = one(tokens, allowed);
    while tokens.next_if(|token| token == "AND").is_some() {
        holds &= one(tokens, allowed);
    }
    holds
}

fn one(tokens: &mut Tokens, allowed: &BTreeSet<String>) -> bool {
    let Some(token) = tokens.next() else { return false };
    if token == "(" {
        let holds = any(tokens, allowed);
        return tokens.next().as_deref() == Some(")") && holds;
    }
    let mut licence = token;
    if tokens.next_if(|token| token == "WITH").is_some() {
        licence = format!("{licence} WITH {}", tokens.next().unwrap_or_default());
    }
    allowed.contains(&licence)
}

#[test]
fn licences_are_those_that_deny_toml_lists() {
    let allowed: BTreeSet<String> = listed("licenses", "allow")
        .iter()
        .map(|line| line.trim().trim_matches([',', '"']).to_owned())
        .filter(|licence| !licence.is_empty())
        .collect();
    let refused: Vec<String> = packages()
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{}: {}", name(package), package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn crates_that_deny_toml_denies_are_absent() {
    let denied: BTreeSet<String> = listed("bans", "deny")
        .iter()
        .filter_map(|line| Some(line.split("name = \"").nth(1)?.split('"').next()?.to_owned()))
        .collect();
    assert!(!denied.is_empty());
    let found: Vec<String> =
        packages().iter().filter(|package| denied.contains(package["name"].as_str().unwrap())).map(name).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn crates_are_doubled_only_where_it_is_written_down() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap().to_owned();
        versions.entry(name).or_default().insert(package["version"].as_str().unwrap().to_owned());
    }
    let doubled: BTreeMap<_, _> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    let written: BTreeSet<&str> = DOUBLED.iter().map(|(name, _)| *name).collect();
    let unwritten: Vec<_> = doubled.iter().filter(|(name, _)| !written.contains(name.as_str())).collect();
    assert!(unwritten.is_empty(), "write down in DOUBLED who needs the older version: {unwritten:#?}");
    let gone: Vec<_> = written.iter().filter(|name| !doubled.contains_key(&(**name).to_owned())).collect();
    assert!(gone.is_empty(), "no longer doubled, take them out of DOUBLED: {gone:?}");
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "ISC".to_owned()]);
    for (expression, holds) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("MIT/GPL-3.0", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR ISC) AND MIT", true),
        ("GPL-3.0 OR ISC AND GPL-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), holds, "{expression}");
    }
}
