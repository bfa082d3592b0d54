//! What only a file can do: belong to another program, be damaged, locked or full, have other readers, and be opened again.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::sessions::{again, begin, forget, lost, new, recovered};
use super::*;
use roomcat::limits;
use roomcat::store::sessions::SessionOp;
use roomcat::store::{Maintenance, Refusal, StoreError};
use rusqlite::Connection;

struct TestDatabase {
    folder: TempDir,
    path: PathBuf,
}

impl TestDatabase {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("deep/er/hub.db");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Self { folder, path }
    }

    /// A closed database with messages.
    fn with_messages() -> Self {
        let database = Self::new();
        let mut store = database.store(ALL);
        store.join("alice", &["a"]);
        for _ in 0..50 {
            store.append(heavy(&["a"], 20_000));
        }
        store.inner.maintain(Maintenance::Closing).unwrap();
        database
    }

    fn store(&self, retention: Retention) -> TestStore {
        TestStore::with(Box::new(open(&self.path, retention)), None)
    }

    /// Why it cannot be opened. Checks that the file was not changed.
    fn refusal(&self) -> StoreError {
        let before = fs::read(&self.path).unwrap();
        let error = match SqliteStore::open(&self.path, ALL) {
            Ok(_) => panic!("it was opened"),
            Err(error) => error,
        };
        assert!(before == fs::read(&self.path).unwrap(), "it was changed");
        error
    }

    fn sqlite(&self) -> Connection {
        Connection::open(&self.path).unwrap()
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }

    fn wal_bytes(&self) -> u64 {
        fs::metadata(self.beside("-wal")).map_or(0, |wal| wal.len())
    }
}

#[test]
fn folders_are_created_and_files_are_private() {
    let database = TestDatabase::new();
    fs::remove_dir_all(database.folder.path().join("deep")).unwrap();
    let mut store = database.store(ALL);
    store.append(lines(&["a"], "secret\n"));
    for suffix in ["", "-wal", ".lock"] {
        let mode = fs::metadata(database.beside(suffix))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[test]
fn commits_are_there_after_a_restart() {
    let database = TestDatabase::with_messages();
    let store = database.store(ALL);
    let log_id = store.inner.log_id().to_owned();
    assert_eq!(log_id.len(), 24);
    assert_eq!(store.inner.head(), 50);
    assert_eq!(store.info("a").unwrap().members, [(client("alice"), 50)]);
    drop(store);
    assert_eq!(database.store(ALL).inner.log_id(), log_id);
    assert_ne!(
        TestDatabase::with_messages().store(ALL).inner.log_id(),
        log_id
    );
}

#[test]
fn numbers_times_and_gaps_survive_pruning() {
    let database = TestDatabase::new();
    let mut store = database.store(NO_HISTORY);
    for _ in 0..3 {
        store.append(lines(&["a"], "x\n"));
    }
    let at_ms = store.append(lines(&["b"], "x\n")).at_ms;
    assert_eq!(store.prune().records, 4);
    drop(store);
    let mut store = database.store(NO_HISTORY);
    store.now = at_ms - 1000;
    assert_eq!(store.inner.head(), 4);
    let next = store.append(lines(&["a"], "x\n"));
    assert_eq!((next.number, next.at_ms), (5, at_ms));
    let gap = |name| store.page(&from_start(&[name]), Seq::START).gap;
    assert_eq!(gap("a"), Some((Seq::START, Seq::new(4, 0))));
    assert_eq!(gap("b"), Some((Seq::START, Seq::new(5, 0))));
    assert_eq!(gap("c"), None);
}

#[test]
fn history_by_size_is_the_same_after_a_restart() {
    let database = TestDatabase::new();
    let retention = |age| Retention {
        history_age: Duration::from_millis(age),
        history_bytes: 2 * lines(&["a"], "x\n").log_bytes(),
        ..ALL
    };
    let mut store = database.store(retention(10));
    store.join("alice", &["a"]);
    for name in ["a", "b", "b", "b"] {
        store.append(lines(&[name], "x\n"));
    }
    store.now += 10;
    assert_eq!(store.prune().records, 3);
    drop(store);
    // By age the first record would be kept now, but by size it is not: three pruned records follow it.
    let mut store = database.store(retention(HOUR));
    store.ack("alice", &["a"], Seq::new(2, 0));
    assert_eq!(store.prune().records, 1);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let database = TestDatabase::new();
    fs::write(&database.path, "my shopping list\n".repeat(100)).unwrap();
    let error = database.refusal();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("hub.db"));
}

#[test]
fn another_programs_database_is_refused() {
    let database = TestDatabase::new();
    let theirs = database.sqlite();
    theirs
        .execute_batch("CREATE TABLE photos (id INTEGER)")
        .unwrap();
    assert!(matches!(database.refusal(), StoreError::Foreign { .. }));
    theirs.execute_batch("PRAGMA application_id = 7").unwrap();
    assert!(matches!(database.refusal(), StoreError::Foreign { .. }));
}

#[test]
fn an_empty_file_becomes_a_database() {
    let database = TestDatabase::new();
    fs::write(&database.path, "").unwrap();
    assert_eq!(database.store(ALL).append(lines(&["a"], "x\n")).number, 1);
}

#[test]
fn damage_is_refused() {
    let page = limits::DB_PAGE_BYTES as u64;
    type Damage = fn(&fs::File, u64);
    let damages: [(&str, Damage); 4] = [
        ("cut short", |file, page| file.set_len(3 * page).unwrap()),
        ("cut in its header", |file, _| file.set_len(50).unwrap()),
        ("schema overwritten", |file, page| {
            file.write_all_at(&vec![0x5a; page as usize - 100], 100)
                .unwrap();
        }),
        ("tables overwritten", |file, page| {
            file.write_all_at(&vec![0x5a; 8 * page as usize], page)
                .unwrap();
        }),
    ];
    for (what, damage) in damages {
        let database = TestDatabase::with_messages();
        damage(
            &OpenOptions::new().write(true).open(&database.path).unwrap(),
            page,
        );
        let error = database.refusal();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_missing_table_is_damage() {
    let database = TestDatabase::with_messages();
    database
        .sqlite()
        .execute_batch("DROP TABLE members")
        .unwrap();
    assert!(matches!(database.refusal(), StoreError::Damaged { .. }));
}

#[test]
fn a_newer_schema_is_refused() {
    let database = TestDatabase::with_messages();
    database
        .sqlite()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    assert!(matches!(
        database.refusal(),
        StoreError::Newer { found: 99, .. }
    ));
}

#[test]
fn a_second_hub_is_refused_until_the_first_ends() {
    let database = TestDatabase::with_messages();
    let first = open(&database.path, ALL);
    let second = SqliteStore::open(&database.path, ALL);
    assert!(matches!(second, Err(StoreError::Locked { .. })));
    drop(first);
    open(&database.path, ALL);
}

#[test]
fn a_read_only_folder_is_reported() {
    let nowhere = SqliteStore::open(Path::new("/proc/version"), ALL);
    assert!(matches!(nowhere, Err(StoreError::ReadOnly { .. })));
    let database = TestDatabase::new();
    fs::create_dir(&database.path).unwrap();
    let folder = SqliteStore::open(&database.path, ALL);
    assert!(matches!(folder, Err(StoreError::ReadOnly { .. })));
}

#[test]
fn another_program_can_read() {
    let database = TestDatabase::with_messages();
    let mut store = database.store(ALL);
    let theirs = database.sqlite();
    let count = || -> i64 {
        theirs
            .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
            .unwrap()
    };
    store.append(lines(&["a"], "x\n"));
    assert_eq!(count(), 51);
    theirs.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 51);
    store.append(lines(&["a"], "y\n"));
    assert_eq!(count(), 51);
    theirs.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 52);
}

#[test]
fn a_locked_database_refuses_and_recovers() {
    let database = TestDatabase::new();
    let mut store = database.store(ALL);
    store.append(lines(&["a"], "x\n"));
    let theirs = database.sqlite();
    theirs.execute_batch("BEGIN IMMEDIATE").unwrap();
    let outcomes = store.group(vec![append(lines(&["a"], "y\n")), Op::Noop]);
    assert!(matches!(
        outcomes[0],
        OpOutcome::Refused(Refusal::Disk { .. })
    ));
    assert_eq!(outcomes[1], OpOutcome::Noop);
    theirs.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.append(lines(&["a"], "y\n")).number, 2);
}

#[test]
fn the_views_can_be_read() {
    let database = TestDatabase::new();
    let mut store = database.store(ALL);
    store.now = 1_700_000_000_123;
    store.join("alice", &["ci", "b"]);
    store.join("bob", &["ci"]);
    let mut said = lines(&["ci", "b"], "one\n\ntwo \\n \"2\" \\\\\n\ttab ü\n");
    said.header.from = Some(client("bob"));
    store.append(said);
    let mut bytes = lines(&["ci"], "x\n");
    bytes.header.framing = Framing::Bytes;
    bytes.header.audience = Audience::Others;
    bytes.header.from = Some(client("bob"));
    bytes.body = Bytes::from_static(b"\0\0\0\x03a\nb");
    store.append(bytes);
    let mut args = lines(&["ci"], "x\n");
    args.header.framing = Framing::Args;
    args.header.except = rooms(&["b"]).into();
    args.body = Bytes::from([b"\0\0\x01\x10[\"", &[b'y'; 0x10c][..], b"\"]\0\0\0\x01z"].concat());
    store.append(args);
    store.ack("alice", &["ci"], Seq::new(1, 2));

    let theirs = database.sqlite();
    let query = |sql: &str| -> Vec<Vec<String>> {
        let mut statement = theirs.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            (0..columns)
                .map(|column| Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default()))
                .collect()
        };
        let rows = statement.query_map([], row).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let messages = query("SELECT seq, text, sender, rooms, time, namespace, event FROM messages");
    let json = format!("[\"{}\"]", "y".repeat(0x10c));
    let texts = [
        ("1", "one"),
        ("1.1", ""),
        ("1.2", "two \\n \"2\" \\\\"),
        ("1.3", "\ttab ü"),
        ("2", "a\nb"),
        ("3", &json),
    ];
    for (found, expected) in messages.iter().zip(texts) {
        assert_eq!((found[0].as_str(), found[1].as_str()), expected);
    }
    assert_eq!(messages.len(), texts.len());
    assert_eq!(
        messages[1][2..],
        ["bob", "ci, b", "2023-11-14 22:13:20.123", "/", "message"]
    );

    let pending = query(
        "SELECT client, room, seq, CAST(count AS TEXT), sender FROM pending ORDER BY client, room, seq",
    );
    assert_eq!(
        pending,
        [
            ["alice", "b", "1", "4", "bob"],
            ["alice", "ci", "1.2", "2", "bob"],
            ["alice", "ci", "2", "1", "bob"],
            ["bob", "ci", "1", "4", "bob"],
            ["bob", "ci", "3", "1", ""],
        ]
    );
}

#[test]
fn a_database_of_the_first_version_is_migrated() {
    let database = TestDatabase::with_messages();
    database
        .sqlite()
        .execute_batch(
            "DROP VIEW recoverable; DROP TABLE session_rooms; DROP TABLE sessions; ALTER TABLE log DROP COLUMN reply;
             DROP VIEW later; DROP TABLE delayed;
             PRAGMA user_version = 1",
        )
        .unwrap();
    let mut store = database.store(ALL);
    assert_eq!(store.info("a").unwrap().members, [(client("alice"), 50)]);
    store.op(begin(1, new("p1", None)));
    store.op(lost(1));
    drop(store);
    let mut store = database.store(ALL);
    assert!(recovered(store.op(again(2, None, "p1", None))).is_some());
    let due_ms = store.now + 1;
    let later = store.op(delay(lines(&["a"], "x\n"), due_ms));
    assert_eq!(later, OpOutcome::Delayed { due_ms, count: 1 });
}

#[test]
fn the_view_of_sessions_can_be_read() {
    let database = TestDatabase::new();
    let mut store = database.store(ALL);
    store.now = 1_700_000_000_123;
    store.join("alice", &["", "a"]);
    store.op(begin(1, new("p1", Some("alice"))));
    store.op(begin(2, new("p2", None)));
    store.op(lost(1));
    let theirs = database.sqlite();
    let mut statement = theirs
        .prepare("SELECT sid, namespace, client, rooms, lost FROM recoverable")
        .unwrap();
    let rows = statement.query_map([], |row| {
        let text = |column| Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default());
        (0..5).map(text).collect::<rusqlite::Result<Vec<String>>>()
    });
    let rows: Vec<Vec<String>> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [
            ["sid of p2", "/", "", "", ""],
            ["sid of p1", "/", "alice", ", a", "2023-11-14 22:13:20.123"],
        ]
    );
}

#[test]
fn ops_without_effect_write_nothing() {
    let database = TestDatabase::new();
    let mut store = database.store(ALL);
    store.join("alice", &["a"]);
    store.append(lines(&["a"], "x\n"));
    store.ack("alice", &["a"], Seq::new(2, 0));
    let before = fs::read(database.beside("-wal")).unwrap();
    store.group(vec![
        Op::Noop,
        subscribe(None, &["a"]),
        subscribe(Some("alice"), &[]),
        subscribe(Some("alice"), &["a"]),
        join("alice", &["a"]),
        leave("alice", &["b"]),
        ack("alice", &["a"], Seq::new(1, 0)),
        lost(1),
        forget(1),
        Op::Session(SessionOp::AllLost),
    ]);
    store.prune();
    store.now += HOUR;
    store.prune();
    assert!(before == fs::read(database.beside("-wal")).unwrap());
}

#[test]
fn the_write_ahead_log_stays_short_and_is_removed_at_the_end() {
    let database = TestDatabase::new();
    let mut store = database.store(NO_HISTORY);
    let four = || {
        (0..4)
            .map(|_| append(heavy(&["a"], MIB as usize)))
            .collect()
    };
    let fill = |store: &mut TestStore, groups: usize| {
        for _ in 0..groups {
            store.group(four());
            store.inner.maintain(Maintenance::AfterCommit).unwrap();
            store.prune();
        }
    };
    fill(&mut store, 24);
    let bound = (limits::WAL_BYTES + 2 * limits::GROUP_BYTES) as u64;
    assert!(database.wal_bytes() <= bound, "{}", database.wal_bytes());
    // A reader that stays open makes it longer, but commits go on.
    let theirs = database.sqlite();
    let count = "SELECT count(*) FROM log";
    theirs.execute_batch("BEGIN").unwrap();
    theirs.query_row(count, [], |_| Ok(())).unwrap();
    fill(&mut store, 12);
    assert!(database.wal_bytes() > bound);
    theirs.execute_batch("COMMIT").unwrap();
    store.inner.maintain(Maintenance::Closing).unwrap();
    assert_eq!(database.wal_bytes(), 0);
    // Pruned records made room for new ones: the file did not grow with everything that passed through.
    let bytes = fs::metadata(&database.path).unwrap().len();
    assert!(bytes < 24 * MIB, "{bytes}");
}

/// The limit holds for a whole process, so the test runs itself again in another one.
#[test]
fn a_full_disk_refuses_and_recovers() {
    const NAME: &str = "store::file::a_full_disk_refuses_and_recovers";
    if std::env::var_os("ROOMCAT_TEST_CHILD").is_some() {
        return on_a_full_disk();
    }
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env("ROOMCAT_TEST_CHILD", "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

fn on_a_full_disk() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let database = TestDatabase::new();
    let mut store = database.store(ALL);
    store.join("alice", &["a"]);
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
    limit(Some(8 * MIB));

    let publish = |counter| Op::Append {
        record: heavy(&["a"], 300_000),
        id: Some(PublishId("p".to_owned(), counter)),
    };
    let mut confirmed = 0;
    let mut acked = 0;
    let mut refused = 0;
    while refused < 3 {
        let outcomes = store.group(vec![
            publish(confirmed + 1),
            publish(confirmed + 2),
            ack("alice", &["a"], Seq::new(confirmed, 0)),
        ]);
        match &outcomes[0] {
            OpOutcome::Appended(_) => confirmed += 2,
            OpOutcome::Refused(Refusal::Disk { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
        acked += usize::from(refused == 1 && outcomes[2] == OpOutcome::Acked);
        store.inner.maintain(Maintenance::Idle).unwrap();
        assert_eq!(store.inner.head(), confirmed);
    }
    // Small ops still work when a publish does not.
    assert!(acked > 0);
    assert!(confirmed >= 16, "{confirmed}");
    let all: Vec<(u64, u32)> = (1..=confirmed).map(|n| (n, 0)).collect();
    assert_eq!(store.read_all(&from_start(&["a"])), all);
    assert_eq!(store.op(Op::Noop), OpOutcome::Noop);

    limit(maximum);
    assert!(
        matches!(store.op(publish(confirmed + 1)), OpOutcome::Appended(r) if r.number == confirmed + 1)
    );
    drop(store);
    let store = database.store(ALL);
    assert_eq!(
        store.read_all(&from_start(&["a"])).len() as u64,
        confirmed + 1
    );
}
