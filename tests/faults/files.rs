//! What `serve` does not start on: each is refused with its name and what to do, and left as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Cmd, TestHub};

/// Starting a hub on this file fails with these words, and leaves it byte for byte.
fn assert_refused(database: &Path, says: &[&str]) {
    let before = fs::read(database).ok();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--db"].map(str::to_owned);
    let arguments = [&arguments[..], &[database.display().to_string()]].concat();
    let mut cmd = Cmd::new(&arguments)
        .status(1)
        .stderr_has(&database.display().to_string())
        .stderr_has("hint: ");
    for text in says {
        cmd = cmd.stderr_has(text);
    }
    cmd.check();
    assert_eq!(fs::read(database).ok(), before, "it was touched");
}

/// A database with something in it, closed.
fn database() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rooms.db");
    let mut hub = TestHub::with(&["--db", path.to_str().unwrap()]);
    hub.cmd(&["join", "r", "--as", "m"]).check();
    let line = "x".repeat(99) + "\n";
    hub.publish("r", &line.repeat(10_000));
    hub.stop();
    (folder, path)
}

#[test]
fn a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    fs::write(&path, "Dear hub,\n".repeat(1000)).unwrap();
    assert_refused(&path, &["is not a roomcat database"]);
    fs::write(&path, "x").unwrap();
    assert_refused(&path, &["is not a roomcat database"]);
}

#[test]
fn a_damaged_database_is_refused() {
    let (_folder, path) = database();
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 1 << 20);
    let damages: [(&str, std::ops::Range<usize>); 3] = [
        ("header", 0..100),
        ("first page", 100..4096),
        ("magic", 0..16),
    ];
    for (what, range) in damages {
        println!("damaged: {what}");
        let mut bytes = whole.clone();
        bytes[range].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        assert_refused(&path, &[]);
    }
    println!("damaged: cut off");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_refused(&path, &[]);
}

/// What lies deep in the file may be found only when it is read. Then nobody is handed what is not what was sent.
#[test]
fn damage_in_the_middle_is_never_served() {
    let (_folder, path) = database();
    let mut bytes = fs::read(&path).unwrap();
    // In the middle of the bodies, which stand together; much of the file may be free pages.
    let body = |window: &[u8]| window.iter().all(|byte| *byte == b'x');
    let last = bytes.windows(90).rposition(body).unwrap();
    let middle = last - (500 << 10);
    bytes[middle..middle + (64 << 10)].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let database = path.to_str().unwrap();
    let hub = Cmd::new(&["serve", "--listen", "127.0.0.1:0", "--db", database]).spawn();
    let found = hub.first_stderr(&["listening on", "is damaged"]);
    if found.contains("is damaged") {
        assert_eq!(hub.wait().status, 1);
        return;
    }
    let url = found.split_whitespace().last().unwrap();
    let reader = Cmd::new(&["sub", "r", "--since", "0", "--drain", "--no-reconnect"])
        .env("ROOMCAT_URL", url)
        .spawn_closed()
        .wait();
    println!("{} {}", reader.status, reader.stderr());
    let sent = "x".repeat(99);
    for line in reader.stdout.split(|byte| *byte == b'\n') {
        assert!(
            line.is_empty() || line == sent.as_bytes(),
            "{}",
            line.escape_ascii()
        );
    }
    assert_ne!(reader.status, 0, "some of it is gone");
    // What was acknowledged cannot be read: a hub that went on would hide it.
    let ended = hub.wait();
    assert_eq!(ended.status, 1);
    assert!(ended.stderr().contains("rooms.db is damaged"));
}

#[test]
fn what_cannot_be_written_is_refused() {
    if rustix::process::geteuid().is_root() {
        // Permissions do not keep root out; a file where a folder should be does.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_refused(&file.join("rooms.db"), &[]);
        return;
    }
    let (folder, path) = database();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    assert_refused(&path, &["cannot be written"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert_refused(&path, &["cannot be written"]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn two_hubs_do_not_share_a_file() {
    let hub = TestHub::start();
    hub.publish("r", "1\n");
    let path = hub.database();
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--db",
        path.to_str().unwrap(),
    ];
    Cmd::new(&arguments)
        .status(1)
        .stderr_has(path.to_str().unwrap())
        .stderr_has("is in use by another hub")
        .stderr_has("--db")
        .check();
    hub.publish("r", "2\n");
    hub.cmd(&["sub", "r", "--since", "0", "--drain"])
        .stdout("1\n2\n")
        .check();
}

#[test]
fn a_port_in_use_is_named() {
    let hub = TestHub::start();
    let address = hub.url().strip_prefix("ws://").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rooms.db");
    Cmd::new(&["serve", "--listen", address, "--db", path.to_str().unwrap()])
        .status(1)
        .stderr_has(address)
        .stderr_has("in use")
        .stderr_has("--listen")
        .check();
}

#[test]
fn a_killed_hub_leaves_no_lock() {
    let mut hub = TestHub::start();
    hub.publish("r", "1\n");
    hub.kill9();
    hub.restart();
    hub.cmd(&["sub", "r", "--since", "0", "--drain"])
        .stdout("1\n")
        .check();
}
