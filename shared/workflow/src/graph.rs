//! A definition as a picture: Mermaid's flowchart text.

use std::fmt::Write;

use crate::{
    catalogue::Catalogue,
    check,
    plan::{self, Goto, Kind, Node, Region, Via},
    read::Document,
};

/// Draws a definition as a Mermaid flowchart. Works for definitions with problems too, as far as they are understood.
#[must_use]
pub fn graph(document: &Document) -> String {
    let (definition, _) = check::examine(document, Catalogue::embedded());
    let root = plan::build(&definition, &mut Vec::new());
    let mut drawing = Drawing { text: String::from("flowchart TD\n"), regions: 0 };
    drawing.region(&root, 1);
    drawing.text
}

struct Drawing {
    text: String,
    regions: usize,
}

impl Drawing {
    fn region(&mut self, region: &Region<'_>, depth: usize) {
        let id = self.regions;
        self.regions += 1;
        let Some(start) = region.start() else { return };
        self.line(depth, &format!("start{id}(( )) --> {}", identifier(start)));
        for node in &region.nodes {
            self.line(depth, &shape(node));
        }
        let mut ends = false;
        for node in &region.nodes {
            for exit in &node.exits {
                let to = match exit.to {
                    Goto::Node(index) => region.nodes.get(index).map(identifier),
                    Goto::End => {
                        ends = true;
                        Some(format!("end{id}"))
                    }
                    Goto::Nowhere => None,
                };
                if let Some(to) = to {
                    self.line(depth, &format!("{} {} {to}", identifier(node), arrow(node, exit.via)));
                }
            }
            if let Some(activity) =
                node.step.compensate.as_ref().and_then(|compensate| compensate.activity.as_ref())
            {
                let from = identifier(node);
                self.line(depth, &format!("{from} -. undone by .- {from}_undo[/\"{}\"/]", escape(activity)));
            }
            self.inside(node, depth);
        }
        if ends {
            self.line(depth, &format!("end{id}((( )))"));
        }
    }

    fn inside(&mut self, node: &Node<'_>, depth: usize) {
        let regions: Vec<(String, &Region<'_>)> = match &node.kind {
            Kind::Parallel(branches) => {
                branches.iter().map(|(name, region)| (format!("{}: {name}", node.name), region)).collect()
            }
            Kind::Map(region) => vec![(format!("{}: each {}", node.name, node.item_name()), region)],
            _ => Vec::new(),
        };
        for (title, region) in regions {
            let id = self.regions;
            self.line(depth, &format!("subgraph region{id}[\"{}\"]", escape(&title)));
            self.region(region, depth + 1);
            self.line(depth, "end");
            self.line(depth, &format!("{} --- region{id}", identifier(node)));
        }
    }

    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{}{text}", "  ".repeat(depth));
    }
}

fn identifier(node: &Node<'_>) -> String {
    let name: String = node.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("step_{name}")
}

fn shape(node: &Node<'_>) -> String {
    let title = node
        .step
        .title
        .as_deref()
        .map_or_else(|| node.name.to_owned(), |title| format!("{}<br/>{title}", node.name));
    let title = escape(&title).replace("&lt;br/&gt;", "<br/>");
    let id = identifier(node);
    match &node.kind {
        Kind::Conditional | Kind::While => format!("{id}{{\"{title}\"}}"),
        Kind::Delay => format!("{id}([\"{title}\"])"),
        Kind::Parallel(_) | Kind::Map(_) => format!("{id}[[\"{title}\"]]"),
        Kind::Fail => format!("{id}[\\\"{title}\"/]"),
        Kind::Task => format!("{id}[\"{title}<br/><i>{}</i>\"]", escape(node.activity())),
    }
}

fn arrow(node: &Node<'_>, via: Via) -> String {
    let label = match via {
        Via::Done if matches!(node.kind, Kind::While) => "done".to_owned(),
        Via::Done => return "-->".to_owned(),
        Via::Round => "round".to_owned(),
        Via::Otherwise => "otherwise".to_owned(),
        Via::Case(at) => {
            let case = node.step.cases.as_ref().and_then(|cases| cases.get(at));
            case.and_then(|case| case.when.as_deref())
                .map(|when| when.trim_matches(['{', '}', '%', ' ']))
                .unwrap_or_default()
                .to_owned()
        }
        Via::Catch(at) => {
            let catch = node.step.catch.as_ref().and_then(|catches| catches.get(at));
            let names = catch.and_then(|catch| catch.on.as_ref()).map(|names| names.join(", "));
            return format!("-. \"{}\" .->", escape(&names.unwrap_or_else(|| "any error".to_owned())));
        }
    };
    format!("-- \"{}\" -->", escape(&label))
}

fn escape(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    short
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(['\n', '\r'], " ")
}
