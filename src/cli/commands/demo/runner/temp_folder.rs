//! The demo's temporary folder.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::cli::screen::term;

/// A folder that only this user can read. Dropping it removes it with its files.
pub(super) struct TempFolder {
    pub(super) path: PathBuf,
}

impl TempFolder {
    pub(super) fn create() -> io::Result<Self> {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let name = format!("roomcat-demo-{}-{random:016x}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // This fails if the path exists, so the folder is never somebody else's.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path })
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            let path = self.path.display();
            term::warn(format!(
                "cannot remove the temporary folder {path}: {error}"
            ));
        }
    }
}
