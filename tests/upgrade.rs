//! Databases of every earlier schema (tests/store/databases): today's hub migrates each of them and loses nothing.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::TestHub;
use crate::raw::Raw;

const NEWEST: i64 = 4;
const HISTORY: &[u8] = b"one\ntwo\nthree\nhello from carol\na\0b\nno utf8 \xff\nafter bob\n";
const PENDING: &[u8] =
    b"one\ntwo\nthree\nhello from carol\n{\"n\":1}\na\0b\nno utf8 \xff\nafter bob\n";
const QUESTION: &str = "a question\n";

/// A hub on a copy of an old database.
struct Upgraded {
    version: i64,
    database: PathBuf,
    hub: TestHub,
    _folder: TempDir,
}

impl Upgraded {
    fn from(version: i64) -> Self {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/databases");
        let folder = TempDir::new().unwrap();
        let database = folder.path().join("hub.db");
        fs::copy(kept.join(format!("v{version}.db")), &database).unwrap();
        assert_eq!(user_version(&database), version);
        // It is kept, however old it is.
        let hub = TestHub::with(&[
            "--db",
            database.to_str().unwrap(),
            "--keep",
            "36500d/1GiB",
            "--keep-pending",
            "36500d/10GiB",
            "--recovery",
            "1h",
        ]);
        Self {
            version,
            database,
            hub,
            _folder: folder,
        }
    }

    fn sql<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let database = Connection::open(&self.database).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The texts, and behind them the question, which only schemas with reply rooms have.
    fn with_question(&self, texts: &[u8]) -> Vec<u8> {
        let question = if self.version >= 3 { QUESTION } else { "" };
        [texts, question.as_bytes()].concat()
    }
}

fn user_version(database: &Path) -> i64 {
    let database = Connection::open(database).unwrap();
    database
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn every_version_is_kept() {
    for version in 1..=NEWEST {
        let upgraded = Upgraded::from(version);
        assert_eq!(user_version(&upgraded.database), NEWEST);
        let healthy: String = upgraded.sql("PRAGMA integrity_check");
        assert_eq!(healthy, "ok", "version {version}");
    }
}

#[test]
fn history_and_pending_messages_survive() {
    for version in 1..=NEWEST {
        let upgraded = Upgraded::from(version);
        let hub = &upgraded.hub;
        let messages = if version >= 3 { 7 } else { 6 };
        assert_eq!(hub.pending("lobby", "alice"), Some(messages), "{version}");
        hub.cmd(&["sub", "lobby", "--since", "1", "-n"])
            .args(&[&messages.to_string()])
            .stdout(upgraded.with_question(HISTORY))
            .check();
        hub.cmd(&["sub", "/admin#ops", "--since", "1", "-n", "1"])
            .stdout("in another namespace\n")
            .check();
        hub.cmd(&["sub", "--as", "alice", "--drain"])
            .stdout(upgraded.with_question(PENDING))
            .check();
        hub.cmd(&["sub", "--as", "bob", "--drain"])
            .stdout(upgraded.with_question(b"after bob\n"))
            .check();
    }
}

#[test]
fn members_go_on_where_they_were() {
    for version in 1..=NEWEST {
        let mut upgraded = Upgraded::from(version);
        upgraded.hub.publish("news", "today\n");
        assert_eq!(upgraded.hub.pending("news", "alice"), Some(2), "{version}");
        let last: u64 = upgraded.sql("SELECT max(record) FROM log");
        assert_eq!(last, if version >= 3 { 9 } else { 8 });
        upgraded.hub.stop();
        upgraded.hub.restart();
        assert_eq!(upgraded.hub.pending("news", "alice"), Some(2), "{version}");
    }
}

#[test]
fn a_session_is_recovered() {
    for version in 2..=NEWEST {
        let upgraded = Upgraded::from(version);
        let pid: String = upgraded.sql("SELECT pid FROM sessions");
        let sid: String = upgraded.sql("SELECT sid FROM sessions");
        let mut raw = Raw::open(upgraded.hub.url());
        let answer = raw.connect("/", &json!({"pid": pid})).json();
        assert_eq!(answer, json!({"sid": sid, "pid": pid}), "{version}");
        let missed = raw.take_kept();
        let missed: Vec<Value> = missed.iter().map(|event| event.args()[0].clone()).collect();
        assert_eq!(missed, [json!("to the whole namespace")], "{version}");
    }
}

#[test]
fn a_reply_room_and_a_delayed_message_survive() {
    for version in 3..=NEWEST {
        let upgraded = Upgraded::from(version);
        upgraded
            .hub
            .cmd(&["sub", "lobby", "--since", "8", "-n", "1", "--json"])
            .stdout_has(r#""reply":"reply/"#)
            .check();
    }
    let upgraded = Upgraded::from(4);
    let row = "SELECT due || ' ' || rooms || ' ' || text FROM later";
    let later: String = upgraded.sql(row);
    assert_eq!(later, "2100-01-01 00:00:00.000 lobby for later");
    // Its time comes.
    let mut upgraded = upgraded;
    upgraded.hub.stop();
    let database = Connection::open(&upgraded.database).unwrap();
    database
        .execute("UPDATE delayed SET due_ms = 1", [])
        .unwrap();
    drop(database);
    upgraded.hub.restart();
    upgraded
        .hub
        .cmd(&["sub", "lobby", "--since", "9", "-n", "1"])
        .stdout("for later\n")
        .check();
}
