//! The static folder: finds and opens the file that a path names, and never one outside the folder, wherever links lead.
//! Blocks on the disk, so it runs on threads that may.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open, openat};

use super::site_path::{PathTarget, SitePath, has_only_visible_names};

/// The file that is shown for a folder.
const INDEX: &str = "index.html";
/// The files that SQLite and the hub's lock keep beside a database, by the end of their names.
const DATABASE_SUFFIXES: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

#[derive(Debug, thiserror::Error)]
#[error("cannot serve {}: {reason}", path.display())]
pub struct StaticFolderError {
    path: PathBuf,
    reason: String,
}

#[derive(Debug, Clone)]
pub struct StaticFolder {
    root: PathBuf,
    /// Files that are not shown, wherever they are.
    private: Vec<PathBuf>,
}

/// The result of a lookup.
#[derive(Debug)]
pub enum Lookup {
    File(StaticFile),
    /// A folder whose path lacks the slash at its end.
    Folder,
    /// There is no such file, or it may not be shown. The peer does not learn which.
    NotFound,
}

/// An open file.
#[derive(Debug)]
pub struct StaticFile {
    pub file: File,
    /// Its path below the folder with links resolved. The extension decides the content type.
    pub path: PathBuf,
    pub length: u64,
    /// Changes when the file changes.
    pub etag: String,
}

impl StaticFolder {
    /// `root` has to be a folder. It may be replaced by another folder later.
    pub fn new(root: &Path) -> Result<Self, StaticFolderError> {
        let refused = |reason: &str| StaticFolderError {
            path: root.to_owned(),
            reason: reason.to_owned(),
        };
        let absolute = std::path::absolute(root).map_err(|error| refused(&error.to_string()))?;
        match fs::metadata(&absolute) {
            Ok(found) if found.is_dir() => Ok(Self {
                root: absolute,
                private: Vec::new(),
            }),
            Ok(_) => Err(refused("not a folder")),
            Err(error) => Err(refused(&error.kind().to_string())),
        }
    }

    /// Never shows these files, nor the files that SQLite keeps beside them: tokens, the hub's database.
    #[must_use]
    pub fn hiding(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        for file in files {
            self.private.extend(DATABASE_SUFFIXES.iter().map(|end| {
                let mut name = file.clone().into_os_string();
                name.push(end);
                PathBuf::from(name)
            }));
        }
        self
    }

    /// Errors are the disk's. A file that may not be shown is [`Lookup::NotFound`].
    pub fn find(&self, path: &SitePath) -> io::Result<Lookup> {
        let root = fs::canonicalize(&self.root)?;
        let absolute = root.join(path.path());
        match self.open(&root, &absolute, path.target()) {
            Err(error) if is_not_found(&error) => Ok(Lookup::NotFound),
            result => result,
        }
    }

    fn open(&self, root: &Path, path: &Path, target: PathTarget) -> io::Result<Lookup> {
        let Some((file, below)) = open_beneath(root, path)? else {
            return Ok(Lookup::NotFound);
        };
        let metadata = file.metadata()?;
        match target {
            PathTarget::Folder if metadata.is_dir() => {
                self.open(root, &path.join(INDEX), PathTarget::File)
            }
            PathTarget::File if metadata.is_dir() && path.ends_with(INDEX) => Ok(Lookup::NotFound),
            PathTarget::File if metadata.is_dir() => Ok(Lookup::Folder),
            PathTarget::File if metadata.is_file() && !self.is_private(&metadata) => {
                Ok(Lookup::File(StaticFile {
                    length: metadata.len(),
                    etag: etag(&metadata),
                    file,
                    path: below,
                }))
            }
            _ => Ok(Lookup::NotFound),
        }
    }

    /// Compares the file itself, not its name: there are links.
    fn is_private(&self, metadata: &Metadata) -> bool {
        let same = |other: Metadata| other.dev() == metadata.dev() && other.ino() == metadata.ino();
        self.private
            .iter()
            .any(|file| fs::metadata(file).is_ok_and(same))
    }
}

/// Opens the file that `path` leads to, if that is below `root`, and returns its path below `root`.
///
/// Links are resolved first. Then the real path is opened name by name without following links, so that a link that is
/// put there in between leads nowhere.
fn open_beneath(root: &Path, path: &Path) -> io::Result<Option<(File, PathBuf)>> {
    let real = fs::canonicalize(path)?;
    let Ok(below) = real.strip_prefix(root) else {
        return Ok(None);
    };
    if !has_only_visible_names(below) {
        return Ok(None);
    }
    // NONBLOCK: opening a named pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut at = open(root, flags, Mode::empty())?;
    for name in below.components() {
        at = openat(&at, name.as_os_str(), flags, Mode::empty())?;
    }
    Ok(Some((File::from(at), below.to_owned())))
}

/// Whether the error means that there is nothing to show.
fn is_not_found(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let is_named = matches!(
        error.kind(),
        Kind::NotFound | Kind::PermissionDenied | Kind::NotADirectory | Kind::InvalidFilename
    );
    // LOOP: links in a circle, or a link put there just now. NXIO: a socket, or a device without a driver.
    let errno = rustix::io::Errno::from_io_error(error);
    is_named
        || matches!(
            errno,
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO)
        )
}

fn etag(metadata: &Metadata) -> String {
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    format!(
        "W/\"{seconds:x}.{nanoseconds:x}-{:x}-{:x}\"",
        metadata.len(),
        metadata.ino()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Its name is not hidden, so that a path outside the folder is refused only because it is outside.
    fn around() -> tempfile::TempDir {
        tempfile::Builder::new().prefix("around").tempdir().unwrap()
    }

    fn find(folder: &StaticFolder, path: &str) -> Lookup {
        folder.find(&SitePath::parse(path).unwrap()).unwrap()
    }

    fn is_file(folder: &StaticFolder, path: &str) -> bool {
        matches!(find(folder, path), Lookup::File(_))
    }

    fn is_nothing(folder: &StaticFolder, path: &str) -> bool {
        matches!(find(folder, path), Lookup::NotFound)
    }

    #[test]
    fn only_files_in_the_folder_are_found() {
        let around = around();
        let (root, outside) = (around.path().join("site"), around.path().join("outside"));
        for folder in ["site/sub", "site/empty", "site/.git", "outside"] {
            fs::create_dir_all(around.path().join(folder)).unwrap();
        }
        for file in ["index.html", "a.txt", "sub/index.html", ".git/config"] {
            fs::write(root.join(file), "text").unwrap();
        }
        fs::write(outside.join("secret"), "secret").unwrap();
        symlink("a.txt", root.join("good")).unwrap();
        symlink("../outside/secret", root.join("relative")).unwrap();
        symlink(outside.join("secret"), root.join("absolute")).unwrap();
        symlink("../outside", root.join("way")).unwrap();
        symlink(".git/config", root.join("hidden")).unwrap();
        symlink("ring", root.join("ring")).unwrap();
        symlink("nowhere", root.join("broken")).unwrap();
        // As text, its path begins with the root's.
        fs::create_dir(around.path().join("site-2")).unwrap();
        fs::write(around.path().join("site-2/x"), "x").unwrap();
        symlink("../site-2/x", root.join("neighbour")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), Mode::RUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(root.join("door")).unwrap();

        let folder = StaticFolder::new(&root).unwrap();
        for path in [
            "/",
            "/index.html",
            "/a.txt",
            "/sub/",
            "/sub/index.html",
            "/good",
        ] {
            assert!(is_file(&folder, path), "{path}");
        }
        for path in [
            "/relative",
            "/absolute",
            "/way/secret",
            "/hidden",
            "/ring",
            "/broken",
            "/neighbour",
            "/pipe",
            "/door",
            "/a.txt/",
            "/a.txt/x",
            "/empty/",
            "/none",
            "/none/",
        ] {
            assert!(is_nothing(&folder, path), "{path}");
        }
        assert!(is_nothing(&folder, &format!("/{}", "x".repeat(5000))));
        assert!(matches!(find(&folder, "/sub"), Lookup::Folder));

        let hiding = StaticFolder::new(&root)
            .unwrap()
            .hiding([root.join("a.txt")]);
        fs::write(root.join("a.txt-wal"), "log").unwrap();
        for path in ["/a.txt", "/good", "/a.txt-wal"] {
            assert!(is_nothing(&hiding, path), "{path}");
        }
        assert!(is_file(&hiding, "/index.html"));
    }

    #[test]
    fn the_etag_changes_with_the_file_and_the_folder_may_be_replaced() {
        let around = around();
        let root = around.path().join("site");
        let etag_of = |folder: &StaticFolder| match find(folder, "/a.txt") {
            Lookup::File(file) => file.etag,
            other => panic!("{other:?}"),
        };
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.txt"), "one").unwrap();
        let folder = StaticFolder::new(&root).unwrap();
        let first = etag_of(&folder);
        assert_eq!(etag_of(&folder), first);
        fs::write(root.join("a.txt"), "three").unwrap();
        let second = etag_of(&folder);
        assert_ne!(second, first);
        fs::rename(&root, around.path().join("old")).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.txt"), "three").unwrap();
        assert_ne!(etag_of(&folder), second);
    }

    #[test]
    fn an_error_names_the_path_that_is_not_a_folder() {
        let around = around();
        fs::write(around.path().join("file"), "").unwrap();
        for name in ["file", "none"] {
            let path = around.path().join(name);
            let error = StaticFolder::new(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
