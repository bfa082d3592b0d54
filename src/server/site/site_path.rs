//! The path of a request as a place inside a folder: decoded, and refused when it could mean anything outside of it.
//! Knows no file system.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// A place below a folder: plain names only, none of them hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    path: PathBuf,
    kind: Asked,
}

/// What the end of a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `/page`
    File,
    /// `/`, `/pages/`: what a folder shows.
    Folder,
}

impl Inside {
    /// From a path as it stands in a request. None for what names nothing inside: `..`, hidden names, empty names, NUL and
    /// other control characters, escapes that are none.
    pub fn parse(path: &str) -> Option<Self> {
        let decoded = decode(path.strip_prefix('/')?)?;
        let mut names: Vec<&[u8]> = decoded.split(|byte| *byte == b'/').collect();
        let kind = match names.pop_if(|last| last.is_empty()) {
            Some(_) => Asked::Folder,
            None => Asked::File,
        };
        names
            .iter()
            .all(|name| is_plain(name))
            .then(|| Self::of(&names, kind))
    }

    fn of(names: &[&[u8]], kind: Asked) -> Self {
        let path = names.iter().map(|name| OsStr::from_bytes(name)).collect();
        Self { path, kind }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn asked(&self) -> Asked {
        self.kind
    }
}

/// Whether each part of a path below a folder is a name that may be shown: where links lead is held to this as well.
pub fn shows_nothing_hidden(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(name) if !name.as_bytes().starts_with(b".")))
}

fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && !name.iter().any(u8::is_ascii_control)
}

/// Percent-decoded. None when a `%` is not followed by two hexadecimal digits.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            byte => byte,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn plain_paths_are_places_inside() {
        for (text, path, asked) in [
            ("/", "", Asked::Folder),
            ("/index.html", "index.html", Asked::File),
            ("/a/b/", "a/b", Asked::Folder),
            ("/a%20b/%c3%bcber.txt", "a b/über.txt", Asked::File),
            ("/a%2fb", "a/b", Asked::File),
            ("/a..b/c...", "a..b/c...", Asked::File),
            (r"/a\..\b", r"a\..\b", Asked::File),
            ("/%2525", "%25", Asked::File),
        ] {
            let inside = Inside::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((inside.path(), inside.asked()), (Path::new(path), asked));
        }
    }

    #[test]
    fn what_could_lead_outside_is_no_place() {
        for text in [
            "",
            "*",
            "index.html",
            "/..",
            "/../x",
            "/a/../x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2f..%2f..%2fx",
            "/..%2fx",
            "/./x",
            "/.git/config",
            "/a/.env",
            "/%2eenv",
            "//etc/passwd",
            "/%2fetc/passwd",
            "/a//b",
            "/a%00.html",
            "/a%0a",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
        ] {
            assert_eq!(Inside::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves(text in "/([./%2efEF05a]|\\PC){0,24}", junk in any::<String>()) {
            for text in [text, junk] {
                if let Some(inside) = Inside::parse(&text) {
                    assert!(shows_nothing_hidden(inside.path()), "{text}");
                }
            }
        }
    }
}
