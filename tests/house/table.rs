//! The tables of who may import whom, which stand in the documentation of module files:
//!
//! | folder | may import |
//! |---|---|
//! | args, settings | nobody (args: settings) |
//! | commands/exec/error | nobody |
//! | commands | all but screen |
//!
//! An entry is a file or a folder; a path such as `commands/exec/error` takes a file out of its folder.

use std::collections::{BTreeMap, BTreeSet};

use super::source::File;

/// A table, and where it holds.
pub struct Table {
    pub file: String,
    /// The folder whose entries it orders, with a `/` at its end; empty for src itself.
    pub folder: String,
    rows: BTreeMap<String, BTreeSet<String>>,
}

impl Table {
    /// The table of a file, if it has one; mistakes in it go to `wrong`.
    pub fn of(file: &File, files: &[File], wrong: &mut Vec<String>) -> Option<Self> {
        let lines: Vec<&str> = file.documentation().map(str::trim).collect();
        let head = lines.iter().position(|line| {
            let cells: Vec<&str> = cells(line);
            matches!(cells[..], ["module" | "folder" | "file", "may import"])
        })?;
        let rows: Vec<[&str; 2]> = lines[head + 2..]
            .iter()
            .map_while(|line| <[&str; 2]>::try_from(cells(line)).ok())
            .collect();
        let mut table = Self {
            file: file.path.clone(),
            folder: file.module.iter().map(|part| format!("{part}/")).collect(),
            rows: BTreeMap::new(),
        };
        // The names first: those with a path decide which files belong to the others.
        for [names, _] in &rows {
            for name in list(names) {
                if table.rows.insert(name.clone(), BTreeSet::new()).is_some() {
                    wrong.push(format!("src/{}: {name} stands in two rows", file.path));
                }
            }
        }
        let all = table.entries(files);
        for [names, may] in rows {
            for name in &list(names) {
                let mut may = parse_may(name, may, &all);
                may.insert(name.clone());
                table.rows.insert(name.clone(), may);
            }
        }
        let known: BTreeSet<String> = table.rows.keys().cloned().collect();
        for name in all.difference(&known) {
            wrong.push(format!("src/{}: {name} is not in the table", file.path));
        }
        for (name, may) in &table.rows {
            for unknown in may.difference(&all) {
                wrong.push(format!(
                    "src/{}: the row of {name} names {unknown}, which is not there",
                    file.path
                ));
            }
        }
        Some(table)
    }

    /// The files and folders that the table must name.
    fn entries(&self, files: &[File]) -> BTreeSet<String> {
        files
            .iter()
            .filter_map(|file| self.entry(&file.path))
            .filter(|name| *name != "lib" && *name != "main" && *name != "mod")
            .map(str::to_owned)
            .collect()
    }

    /// The entry that a file belongs to: `stdout` for cli/stdout.rs and cli/stdout/sink.rs in the table of cli.
    fn entry<'f>(&self, file: &'f str) -> Option<&'f str> {
        let below = file.strip_prefix(&self.folder)?.trim_end_matches(".rs");
        let ends = below.match_indices('/').map(|(at, _)| at);
        let mut prefixes: Vec<&str> = ends.chain([below.len()]).map(|at| &below[..at]).collect();
        let first = prefixes[0];
        prefixes.reverse();
        let named = prefixes.into_iter().find(|it| self.rows.contains_key(*it));
        Some(named.unwrap_or(first))
    }

    /// The entries of an import that the table does not allow. The file of the table itself may import every entry.
    pub fn forbids<'f>(&self, from: &'f str, to: &'f str) -> Option<(&'f str, &'f str)> {
        let (from, to) = (self.entry(from)?, self.entry(to)?);
        let may = self.rows.get(from)?;
        (from != to && !may.contains(to)).then_some((from, to))
    }
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix('|').and_then(|it| it.strip_suffix('|'));
    inner.map_or(Vec::new(), |it| it.split('|').map(str::trim).collect())
}

fn list(names: &str) -> Vec<String> {
    names
        .replace(" and ", ", ")
        .split(',')
        .map(|name| name.trim().trim_matches('`').trim_end_matches('/'))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `nobody`, `a, b`, `all`, `all but a and b`; then in parentheses what only some of the row may: `(c: a; d: b)`.
fn parse_may(name: &str, may: &str, all: &BTreeSet<String>) -> BTreeSet<String> {
    let (may, exceptions) = may.split_once('(').map_or((may, ""), |(may, rest)| {
        (may.trim(), rest.trim_end_matches(')'))
    });
    let mut allowed: BTreeSet<String> = match may.split_once("all but ") {
        Some((_, but)) => {
            let but = list(but);
            let rest = all.iter().filter(|name| !but.contains(name));
            rest.cloned().collect()
        }
        None if may == "all" => all.clone(),
        None if may == "nobody" => BTreeSet::new(),
        None => list(may).into_iter().collect(),
    };
    for exception in exceptions.split(';') {
        if let Some((who, whom)) = exception.split_once(':')
            && who.trim() == name
        {
            allowed.extend(list(whom));
        }
    }
    allowed
}
