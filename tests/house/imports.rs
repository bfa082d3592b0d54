//! Follows paths to the files that define what they name.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{File, ModulePath, Names};

/// A file names what another one defines.
pub struct Import<'a> {
    pub from: &'a str,
    /// The file that defines it.
    pub to: &'a str,
    /// The file that the path leads to, which may only hand it on by `pub use`.
    pub through: &'a str,
    pub name: String,
    pub line: usize,
}

pub struct Crate<'a> {
    modules: BTreeMap<&'a [String], (&'a File, &'a Names)>,
    files: &'a [File],
}

enum Found<'a> {
    Module(ModulePath),
    Item {
        file: &'a File,
        /// The first file that hands it on.
        through: Option<&'a File>,
        name: String,
    },
}

impl<'a> Crate<'a> {
    pub fn new(files: &'a [File]) -> Self {
        let modules = files.iter().flat_map(|file| {
            let modules = file.contents.modules.iter();
            modules.map(move |(path, names)| (&path[..], (file, names)))
        });
        Self {
            modules: modules.collect(),
            files,
        }
    }

    /// Every path outside tests that leads from one file to another.
    pub fn imports(&self) -> Vec<Import<'a>> {
        let mut imports = Vec::new();
        for from in self.files {
            for path in &from.contents.paths {
                let found = self.resolve(&path.module, &path.segments, &mut BTreeSet::new());
                let Some(Found::Item {
                    file,
                    through,
                    name,
                }) = found
                else {
                    continue;
                };
                if file.path != from.path {
                    imports.push(Import {
                        from: &from.path,
                        to: &file.path,
                        through: &through.unwrap_or(file).path,
                        name,
                        line: path.line,
                    });
                }
            }
        }
        imports
    }

    /// None: another crate's.
    fn resolve(
        &self,
        from: &[String],
        segments: &[String],
        seen: &mut BTreeSet<(ModulePath, String)>,
    ) -> Option<Found<'a>> {
        let mut module = from.to_vec();
        let mut segments = segments;
        let mut is_ours = false;
        while let [first, rest @ ..] = segments {
            match &first[..] {
                "self" => {}
                "super" => {
                    module.pop();
                }
                "crate" if from != ["main"] => module.clear(),
                "roomcat" => module.clear(),
                _ => break,
            }
            segments = rest;
            is_ours = true;
        }
        while let [name, rest @ ..] = segments {
            match self.step(&module, name, rest.is_empty(), module == from, seen) {
                Some(Found::Module(found)) => module = found,
                Some(item) => return Some(item),
                // What a macro defines has no name here: it belongs to the module that it was looked for in.
                None if is_ours => {
                    let (file, _) = *self.modules.get(&module[..])?;
                    let name = name.clone();
                    return Some(Found::Item {
                        file,
                        through: None,
                        name,
                    });
                }
                None => return None,
            }
            segments = rest;
            is_ours = true;
        }
        Some(Found::Module(module))
    }

    fn step(
        &self,
        module: &[String],
        name: &str,
        is_last: bool,
        is_own: bool,
        seen: &mut BTreeSet<(ModulePath, String)>,
    ) -> Option<Found<'a>> {
        let (file, names) = *self.modules.get(module)?;
        let child = || {
            let path = [module, &[name.to_owned()]].concat();
            names.children.contains(name).then_some(Found::Module(path))
        };
        let item = || {
            names.items.contains(name).then(|| Found::Item {
                file,
                through: None,
                name: name.to_owned(),
            })
        };
        let found = if is_last {
            item().or_else(child)
        } else {
            child().or_else(item)
        };
        if found.is_some() {
            return found;
        }
        let path = names.imports.get(name)?;
        let is_new = seen.insert((module.to_vec(), name.to_owned()));
        match is_new.then(|| self.resolve(module, path, seen))?? {
            Found::Item { file: to, name, .. } if !is_own => Some(Found::Item {
                file: to,
                through: Some(file),
                name,
            }),
            found => Some(found),
        }
    }
}
