//! The path of a request as a path below the static folder: percent-decoded, and refused if it could mean anything outside.
//! Does not touch the file system.
//!
//! These rules are our own: a library that serves files would also show hidden files and follow every link.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// A path below a folder: plain names only, none of them hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePath {
    path: PathBuf,
    target: PathTarget,
}

/// Whether a path names a file or a folder, by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathTarget {
    /// `/page`
    File,
    /// `/`, `/pages/`: the index of a folder.
    Folder,
}

impl SitePath {
    /// Parses the path of a request. `None` for `..`, hidden or empty names, control characters and malformed escapes.
    pub fn parse(path: &str) -> Option<Self> {
        let decoded = percent_decode(path.strip_prefix('/')?)?;
        let mut names: Vec<&[u8]> = decoded.split(|byte| *byte == b'/').collect();
        let target = match names.pop_if(|last| last.is_empty()) {
            Some(_) => PathTarget::Folder,
            None => PathTarget::File,
        };
        let path = names.iter().map(|name| OsStr::from_bytes(name)).collect();
        names
            .iter()
            .all(|name| is_plain(name))
            .then_some(Self { path, target })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn target(&self) -> PathTarget {
        self.target
    }
}

/// Whether every part of a path below a folder may be shown. The targets of links have to pass this too.
pub fn has_only_visible_names(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(name) if !name.as_bytes().starts_with(b".")))
}

fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && !name.iter().any(u8::is_ascii_control)
}

/// `None` if a `%` is not followed by two hexadecimal digits: the library would let it pass.
fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%')
        .skip(1)
        .all(is_escape)
        .then(|| percent_decode_str(text).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn plain_paths_are_accepted() {
        for (text, path, target) in [
            ("/", "", PathTarget::Folder),
            ("/index.html", "index.html", PathTarget::File),
            ("/a/b/", "a/b", PathTarget::Folder),
            ("/a%20b/%c3%bcber.txt", "a b/über.txt", PathTarget::File),
            ("/a%2fb", "a/b", PathTarget::File),
            ("/a..b/c...", "a..b/c...", PathTarget::File),
            (r"/a\..\b", r"a\..\b", PathTarget::File),
            ("/%2525", "%25", PathTarget::File),
        ] {
            let parsed = SitePath::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((parsed.path(), parsed.target()), (Path::new(path), target));
        }
    }

    #[test]
    fn paths_that_could_lead_outside_are_refused() {
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
            assert_eq!(SitePath::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_outside(text in "/([./%2efEF05a]|\\PC){0,24}", junk in any::<String>()) {
            for text in [text, junk] {
                if let Some(parsed) = SitePath::parse(&text) {
                    assert!(has_only_visible_names(parsed.path()), "{text}");
                }
            }
        }
    }
}
