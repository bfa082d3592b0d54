//! A folder of files to serve: finds what a path means inside it and opens that, and never anything outside, whatever
//! links say. Blocks on the disk: for threads that may.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open, openat};

use super::site_path::{Asked, Inside, shows_nothing_hidden};

/// What a folder shows when it is asked for itself.
const INDEX: &str = "index.html";
/// What SQLite and the hub's lock keep beside a database.
const BESIDE: [&str; 5] = ["", "-wal", "-shm", "-journal", ".lock"];

#[derive(Debug, thiserror::Error)]
#[error("cannot serve {}: {reason}", path.display())]
pub struct FolderError {
    path: PathBuf,
    reason: String,
}

/// A folder that is served.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    /// Files that are not shown wherever they lie.
    private: Vec<PathBuf>,
}

/// What a path means.
#[derive(Debug)]
pub enum Found {
    /// A file that can be read.
    File(Opened),
    /// A folder; it is asked for with a slash at the end.
    Folder,
    /// Nothing that is shown: the reasons are not told.
    Nothing,
}

#[derive(Debug)]
pub struct Opened {
    pub file: File,
    /// Where it lies really: its name says what it is.
    pub name: PathBuf,
    pub length: u64,
    /// Differs when the file was changed.
    pub etag: String,
}

impl Folder {
    /// `root` has to be a folder. It may be replaced by another one while it is served.
    pub fn new(root: &Path) -> Result<Self, FolderError> {
        let refused = |reason: &str| FolderError {
            path: root.to_owned(),
            reason: reason.to_owned(),
        };
        let absolute = std::path::absolute(root).map_err(|error| refused(&error.to_string()))?;
        match fs::metadata(&absolute) {
            Ok(found) if found.is_dir() => Ok(Self {
                root: absolute,
                private: Vec::new(),
            }),
            Ok(_) => Err(refused("it is not a folder")),
            Err(error) => Err(refused(&error.kind().to_string())),
        }
    }

    /// Does not show these files, and what belongs to them if they are databases: a token, the hub's log.
    #[must_use]
    pub fn hiding(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        for file in files {
            self.private.extend(BESIDE.iter().map(|end| {
                let mut name = file.clone().into_os_string();
                name.push(end);
                PathBuf::from(name)
            }));
        }
        self
    }

    /// What is at a place. Errors are the disk's; what may not be seen is [`Found::Nothing`].
    pub fn find(&self, inside: &Inside) -> io::Result<Found> {
        let root = fs::canonicalize(&self.root)?;
        let place = root.join(inside.path());
        match self.open(&root, &place, inside.asked()) {
            Err(error) if is_absence(&error) => Ok(Found::Nothing),
            found => found,
        }
    }

    fn open(&self, root: &Path, place: &Path, asked: Asked) -> io::Result<Found> {
        let Some((file, name)) = beneath(root, place)? else {
            return Ok(Found::Nothing);
        };
        let found = file.metadata()?;
        match asked {
            Asked::Folder if found.is_dir() => self.open(root, &place.join(INDEX), Asked::File),
            Asked::File if found.is_dir() && place.ends_with(INDEX) => Ok(Found::Nothing),
            Asked::File if found.is_dir() => Ok(Found::Folder),
            Asked::File if found.is_file() && !self.is_private(&found) => Ok(Found::File(Opened {
                length: found.len(),
                etag: etag(&found),
                file,
                name,
            })),
            _ => Ok(Found::Nothing),
        }
    }

    /// By what the file is, not by its name: there are links.
    fn is_private(&self, found: &Metadata) -> bool {
        let same = |other: Metadata| other.dev() == found.dev() && other.ino() == found.ino();
        self.private
            .iter()
            .any(|file| fs::metadata(file).is_ok_and(same))
    }
}

/// Opens what a path leads to if that lies below `root`, and says where it does.
///
/// Links are followed first; then the place that they led to is opened step by step without following any, so that
/// a link that is put there in between leads nowhere.
fn beneath(root: &Path, place: &Path) -> io::Result<Option<(File, PathBuf)>> {
    let real = fs::canonicalize(place)?;
    let Ok(inside) = real.strip_prefix(root) else {
        return Ok(None);
    };
    if !shows_nothing_hidden(inside) {
        return Ok(None);
    }
    // A pipe would be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut at = open(root, flags, Mode::empty())?;
    for name in inside.components() {
        at = openat(&at, name.as_os_str(), flags, Mode::empty())?;
    }
    Ok(Some((File::from(at), inside.to_owned())))
}

/// What is as good as not being there.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let named = matches!(
        error.kind(),
        Kind::NotFound | Kind::PermissionDenied | Kind::NotADirectory | Kind::InvalidFilename
    );
    // A ring of links, or one that was put there just now; a socket or a device without its driver.
    let errno = rustix::io::Errno::from_io_error(error);
    named
        || matches!(
            errno,
            Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO)
        )
}

fn etag(found: &Metadata) -> String {
    let (changed, part) = (found.mtime(), found.mtime_nsec());
    format!(
        "W/\"{changed:x}.{part:x}-{:x}-{:x}\"",
        found.len(),
        found.ino()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Not hidden itself, so that what is refused outside of a folder is refused for being outside.
    fn around() -> tempfile::TempDir {
        tempfile::Builder::new().prefix("around").tempdir().unwrap()
    }

    fn find(folder: &Folder, path: &str) -> Found {
        folder.find(&Inside::parse(path).unwrap()).unwrap()
    }

    fn is_file(folder: &Folder, path: &str) -> bool {
        matches!(find(folder, path), Found::File(_))
    }

    fn is_nothing(folder: &Folder, path: &str) -> bool {
        matches!(find(folder, path), Found::Nothing)
    }

    #[test]
    fn only_what_lies_in_the_folder_is_found() {
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
        // Its path begins with the root's, as text.
        fs::create_dir(around.path().join("site-2")).unwrap();
        fs::write(around.path().join("site-2/x"), "x").unwrap();
        symlink("../site-2/x", root.join("neighbour")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), Mode::RUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(root.join("door")).unwrap();

        let folder = Folder::new(&root).unwrap();
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
        assert!(matches!(find(&folder, "/sub"), Found::Folder));

        let hiding = Folder::new(&root).unwrap().hiding([root.join("a.txt")]);
        fs::write(root.join("a.txt-wal"), "log").unwrap();
        for path in ["/a.txt", "/good", "/a.txt-wal"] {
            assert!(is_nothing(&hiding, path), "{path}");
        }
        assert!(is_file(&hiding, "/index.html"));
    }

    #[test]
    fn the_tag_changes_with_the_file_and_the_folder_may_be_replaced() {
        let around = around();
        let root = around.path().join("site");
        let tag = |folder: &Folder| match find(folder, "/a.txt") {
            Found::File(opened) => opened.etag,
            other => panic!("{other:?}"),
        };
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.txt"), "one").unwrap();
        let folder = Folder::new(&root).unwrap();
        let first = tag(&folder);
        assert_eq!(tag(&folder), first);
        fs::write(root.join("a.txt"), "three").unwrap();
        let second = tag(&folder);
        assert_ne!(second, first);
        fs::rename(&root, around.path().join("old")).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a.txt"), "three").unwrap();
        assert_ne!(tag(&folder), second);
    }

    #[test]
    fn what_is_no_folder_is_refused_by_name() {
        let around = around();
        fs::write(around.path().join("file"), "").unwrap();
        for name in ["file", "none"] {
            let path = around.path().join(name);
            let error = Folder::new(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
