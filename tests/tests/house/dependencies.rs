//! What may be in the house: licences, denied crates, and crates that are there twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use crate::support::root;

/// Crates that are there in more than one version, and why the older one is.
const DOUBLED: &[(&str, &str)] = &[
    (
        "base64",
        "serde_dynamo, signed_note, tlog_tiles and standardwebhooks take 0.21, lambda_runtime and dynoxide-rs 0.22",
    ),
    ("block-buffer", "digest 0.10"),
    ("cpufeatures", "sha2 0.10 and curve25519-dalek 4"),
    ("crypto-common", "digest 0.10"),
    ("digest", "sha2 0.10 and curve25519-dalek 4, and lalrpop's sha3 at build time"),
    ("foldhash", "hashbrown 0.15"),
    ("getrandom", "ring 0.17 and ahash 0.8"),
    ("hashbrown", "hashlink 0.10"),
    ("hashlink", "rusqlite, in the version that dynoxide-rs has"),
    ("itertools", "lalrpop, at build time only"),
    ("rand_core", "ed25519-dalek 2 and signed_note"),
    ("sha2", "ed25519-dalek 2, signed_note and tlog_tiles"),
    ("supports-color", "owo-colors takes two by itself"),
    ("syn", "macros, at build time only"),
    ("thiserror", "signed_note and tlog_tiles"),
    ("thiserror-impl", "thiserror 1"),
    ("unicode-width", "miette"),
];

/// A package that is built on Linux: in the program, in its tests or by its build scripts.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--workspace", "--locked", "--edges", "normal,build,dev", "--prefix", "none"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn packages() -> BTreeSet<Package> {
    let text = tree(&["--format", "{p}|{l}"]);
    let lines = text.lines().filter_map(|line| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let mut words = package.split_whitespace();
        let (name, version) = (words.next()?, words.next()?.trim_start_matches('v'));
        Some(Package { name: name.into(), version: version.into(), licence: licence.into() })
    });
    lines.collect()
}

/// Who depends on a crate directly.
fn dependents(name: &str) -> BTreeSet<String> {
    let text = tree(&["--format", "{p}", "--invert", name, "--depth", "1"]);
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The texts in a list of deny.toml.
fn listed(section: &str, list: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let section = text.split(&format!("[{section}]")).nth(1).expect("the section");
    let section = section.split("\n[").next().unwrap_or_default();
    let list = section.split(&format!("{list} = [")).nth(1).expect("the list");
    list.split("\n]").next().unwrap_or_default().lines().map(str::to_owned).collect()
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
    let refused: Vec<Package> =
        packages().into_iter().filter(|package| !is_allowed(&package.licence, &allowed)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn crates_that_deny_toml_denies_are_absent() {
    let packages = packages();
    let mut denied = 0;
    for line in listed("bans", "deny") {
        let quoted = |name: &str| Some(line.split(&format!("{name} = ")).nth(1)?.to_owned());
        let Some(name) = quoted("name").and_then(|rest| Some(rest.split('"').nth(1)?.to_owned())) else {
            continue;
        };
        denied += 1;
        if !packages.iter().any(|package| package.name == name) {
            continue;
        }
        // Those in `wrappers` may have it for themselves.
        let wrappers = quoted("wrappers").unwrap_or_default();
        let wrappers: BTreeSet<&str> = wrappers.split(']').next().unwrap_or_default().split('"').collect();
        let others: Vec<String> = dependents(&name)
            .into_iter()
            .filter(|dependent| !wrappers.contains(dependent.as_str()))
            .collect();
        assert!(others.is_empty(), "{name} is denied, but {others:?} depend on it");
    }
    assert!(denied > 3, "only {denied} crates are denied");
}

#[test]
fn crates_are_doubled_only_where_it_is_written_down() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for Package { name, version, .. } in packages() {
        versions.entry(name).or_default().insert(version);
    }
    let doubled: BTreeMap<_, _> = versions.iter().filter(|(_, versions)| versions.len() > 1).collect();
    let written: BTreeSet<&str> = DOUBLED.iter().map(|(name, _)| *name).collect();
    let unwritten: Vec<_> = doubled.iter().filter(|(name, _)| !written.contains(name.as_str())).collect();
    assert!(unwritten.is_empty(), "write down in DOUBLED why the older version is needed: {unwritten:#?}");
    let gone: Vec<_> = written.iter().filter(|name| !doubled.contains_key(&(**name).to_owned())).collect();
    assert!(gone.is_empty(), "no longer doubled, take them out of DOUBLED: {gone:?}");
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed =
        BTreeSet::from(["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "ISC".to_owned()]);
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
