//! Runs the scripts of tests/peers with the interpreters and packages that `tests/run` installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Cmd;

/// A Node script of tests/peers with its arguments. It exits with 0 if its checks hold; otherwise stderr says which failed.
pub fn node<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Cmd {
    run(PathBuf::from("node"), "node_modules", script, arguments)
}

/// A Python script of tests/peers, as [`node`].
pub fn python<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Cmd {
    let interpreter = folder().join(".venv/bin/python");
    run(interpreter, ".venv", script, arguments)
}

/// The folder of the packages, for the path of one of their files: `folder().join("node_modules/axe-core/axe.min.js")`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

fn run<S: AsRef<OsStr>>(
    interpreter: PathBuf,
    packages: &str,
    script: &str,
    arguments: &[S],
) -> Cmd {
    let (packages, script) = (folder().join(packages), folder().join(script));
    assert!(
        packages.is_dir(),
        "{} is missing: tests/run installs what the tests need",
        packages.display()
    );
    let mut command = Command::new(interpreter);
    command.arg(script).args(arguments);
    Cmd::of(command)
}
