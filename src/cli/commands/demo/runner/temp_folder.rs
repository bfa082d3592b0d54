//! The demo's folder: nobody else's, and gone when the demo is over.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::cli::screen::term;

/// A folder of our own. It goes, with what is in it, when this is dropped.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

impl Folder {
    pub(super) fn create() -> io::Result<Self> {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let name = format!("roomcat-demo-{}-{random:016x}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Nobody else's: it fails where something is in its place.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        term::warn(format!("{} stays behind: {error}", path.display()));
    }
}
