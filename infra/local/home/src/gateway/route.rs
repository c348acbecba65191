//! Which function serves a path and method.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::query::{Undecodable, decode};
use crate::template::model;

/// The routes of an API.
#[derive(Debug)]
pub(crate) struct Routes {
    /// Paths in the order in which they are tried: literal parts before parameters before greedy ones.
    paths: Vec<Path>,
}

#[derive(Debug)]
struct Path {
    template: String,
    parts: Vec<Part>,
    /// Functions by method.
    methods: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Literal(String),
    Parameter(String),
    Greedy(String),
}

/// A route that fits.
#[derive(Debug, PartialEq)]
pub(super) struct Match<'r> {
    pub(super) template: &'r str,
    pub(super) function: &'r str,
    /// The parameters' values, decoded.
    pub(super) parameters: BTreeMap<String, String>,
}

/// Why no route fits.
#[derive(Debug, PartialEq)]
pub(super) enum NoMatch {
    /// No route has this path.
    Path,
    /// The path has routes, for these methods.
    Method(Vec<String>),
    /// A parameter cannot be decoded.
    Undecodable,
}

impl Routes {
    /// The routes of a template.
    pub(crate) fn new(routes: &[model::Route]) -> Self {
        let mut paths: Vec<Path> = Vec::new();
        for route in routes {
            let method = (route.method.clone(), route.function.clone());
            match paths.iter_mut().find(|path| path.template == route.path) {
                Some(path) => path.methods.extend([method]),
                None => paths.push(Path {
                    template: route.path.clone(),
                    parts: split(&route.path).map(Part::read).collect(),
                    methods: BTreeMap::from([method]),
                }),
            }
        }
        paths.sort_by_key(|path| {
            let ranks: Vec<u8> = path.parts.iter().map(Part::rank).collect();
            (ranks, Reverse(path.parts.len()))
        });
        Self { paths }
    }

    /// The route of a path as the caller wrote it.
    pub(super) fn find(&self, method: &str, path: &str) -> Result<Match<'_>, NoMatch> {
        if !path.starts_with('/') {
            return Err(NoMatch::Path);
        }
        let written: Vec<&str> = split(path).collect();
        let mut found = self.paths.iter().filter_map(|path| Some((path, path.captures(&written)?)));
        let Some((path, captures)) = found.next() else { return Err(NoMatch::Path) };
        let Some(function) = path.methods.get(method).or_else(|| path.methods.get("ANY")) else {
            return Err(NoMatch::Method(path.methods.keys().cloned().collect()));
        };
        let decoded = captures.into_iter().map(|(name, value)| Ok((name.to_owned(), decode(&value)?)));
        let parameters = decoded.collect::<Result<_, _>>().map_err(|Undecodable| NoMatch::Undecodable)?;
        Ok(Match { template: &path.template, function, parameters })
    }
}

/// The parts of a path; one slash at its end means nothing.
fn split(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/')
}

impl Part {
    fn read(part: &str) -> Self {
        match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Part::Greedy(name.to_owned()),
                None => Part::Parameter(name.to_owned()),
            },
            None => Part::Literal(part.to_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Part::Literal(_) => 0,
            Part::Parameter(_) => 1,
            Part::Greedy(_) => 2,
        }
    }
}

impl Path {
    fn captures(&self, written: &[&str]) -> Option<Vec<(&str, String)>> {
        let mut captures = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let value = *written.get(index)?;
            match part {
                Part::Literal(literal) if literal == value => {}
                Part::Literal(_) => return None,
                Part::Parameter(_) if value.is_empty() => return None,
                Part::Parameter(name) => captures.push((name.as_str(), value.to_owned())),
                Part::Greedy(name) => {
                    captures.push((name.as_str(), written[index..].join("/")));
                    return Some(captures);
                }
            }
        }
        (written.len() == self.parts.len()).then_some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let route = |method: &str, path: &str, function: &str| model::Route {
            method: method.into(),
            path: path.into(),
            function: function.into(),
        };
        Routes::new(&[
            route("GET", "/v1/tasks/{id}", "tasks"),
            route("GET", "/v1/tasks/mine", "mine"),
            route("POST", "/v1/tasks/{id}/decision", "tasks"),
            route("ANY", "/docs/{proxy+}", "docs"),
        ])
    }

    fn function(method: &str, path: &str) -> Result<String, NoMatch> {
        routes().find(method, path).map(|found| found.function.to_owned())
    }

    #[test]
    fn literal_parts_win_over_parameters() {
        assert_eq!(function("GET", "/v1/tasks/mine").as_deref(), Ok("mine"));
        assert_eq!(function("GET", "/v1/tasks/tsk_1/").as_deref(), Ok("tasks"));
        assert_eq!(function("DELETE", "/docs/a/b").as_deref(), Ok("docs"));
    }

    #[test]
    fn parameters_are_decoded_after_the_path_is_split() {
        let routes = routes();
        let found = routes.find("GET", "/v1/tasks/a%2Fdecision").unwrap();
        assert_eq!(found.parameters["id"], "a/decision");
        assert_eq!(routes.find("GET", "/v1/tasks/%zz"), Err(NoMatch::Undecodable));
    }

    #[test]
    fn a_wrong_method_is_told_apart_from_a_wrong_path() {
        assert_eq!(function("PUT", "/v1/tasks/x"), Err(NoMatch::Method(vec!["GET".into()])));
        for path in ["/v1/nothing", "/v1/tasks//decision", "", "*", "/", "/v1/tasks"] {
            assert_eq!(function("GET", path), Err(NoMatch::Path), "{path}");
        }
    }
}
