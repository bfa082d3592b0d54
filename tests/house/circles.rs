//! Finds the circles of files that import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::imports::Import;

type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<&'a str>>>;

/// Files of which each imports every other one, directly or over others.
pub struct Circle<'a> {
    pub files: BTreeSet<&'a str>,
    /// Each import within it: from, to, and the names that tie them.
    ties: Vec<(&'a str, &'a str, BTreeSet<&'a str>)>,
}

impl Circle<'_> {
    pub fn describe(&self) -> String {
        let mut text = format!("a circle of {} files:", self.files.len());
        for (from, to, names) in &self.ties {
            let names: Vec<&str> = names.iter().copied().collect();
            let _ = write!(text, "\n    src/{from} -> src/{to}: {}", names.join(", "));
        }
        text
    }
}

pub fn circles<'a>(imports: &'a [Import<'a>]) -> Vec<Circle<'a>> {
    let mut graph = Graph::new();
    for import in imports {
        let ties = graph.entry(import.from).or_default();
        ties.entry(import.to).or_default().insert(&import.name);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|file| (*file, reach(&graph, file)))
        .collect();
    let mut circles: Vec<Circle> = Vec::new();
    for (file, others) in &reached {
        let is_known = circles.iter().any(|circle| circle.files.contains(file));
        if is_known || !others.contains(file) {
            continue;
        }
        let is_back = |other: &&&str| reached.get(**other).is_some_and(|it| it.contains(file));
        let files: BTreeSet<&str> = others.iter().filter(is_back).copied().collect();
        let ties = files.iter().flat_map(|from| {
            let ties = graph[from].iter();
            let within = ties.filter(|(to, _)| files.contains(*to));
            within.map(|(to, names)| (*from, *to, names.clone()))
        });
        let ties = ties.collect();
        circles.push(Circle { files, ties });
    }
    circles
}

/// The files that one imports, directly or over others.
fn reach<'a>(graph: &Graph<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for to in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(*to) {
                next.push(to);
            }
        }
    }
    reached
}
