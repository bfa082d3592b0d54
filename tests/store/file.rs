//! What only a file can do: be somebody else's, damaged, held, full, read by others, and opened again.

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

struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("deep/er/hub.db");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Self { folder, path }
    }

    /// A database with something in it, closed.
    fn with_messages() -> Self {
        let place = Self::new();
        let mut bench = place.bench(ALL);
        bench.join("alice", &["a"]);
        for _ in 0..50 {
            bench.append(heavy(&["a"], 20_000));
        }
        bench.store.maintain(Maintenance::Closing).unwrap();
        place
    }

    fn bench(&self, keep: Retention) -> Bench {
        Bench::with(Box::new(open(&self.path, keep)), None)
    }

    /// Why it cannot be opened; that the file is as it was is checked too.
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
fn folders_are_made_and_files_are_private() {
    let place = Place::new();
    fs::remove_dir_all(place.folder.path().join("deep")).unwrap();
    let mut bench = place.bench(ALL);
    bench.append(lines(&["a"], "secret\n"));
    for suffix in ["", "-wal", ".lock"] {
        let mode = fs::metadata(place.beside(suffix))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[test]
fn what_was_committed_is_there_when_it_is_opened_again() {
    let place = Place::with_messages();
    let bench = place.bench(ALL);
    let log_id = bench.store.log_id().to_owned();
    assert_eq!(log_id.len(), 24);
    assert_eq!(bench.store.head(), 50);
    assert_eq!(bench.info("a").unwrap().members, [(client("alice"), 50)]);
    drop(bench);
    assert_eq!(place.bench(ALL).store.log_id(), log_id);
    assert_ne!(Place::with_messages().bench(ALL).store.log_id(), log_id);
}

#[test]
fn numbers_times_and_gaps_outlive_the_records() {
    let place = Place::new();
    let mut bench = place.bench(NO_HISTORY);
    for _ in 0..3 {
        bench.append(lines(&["a"], "x\n"));
    }
    let at_ms = bench.append(lines(&["b"], "x\n")).at_ms;
    assert_eq!(bench.prune().records, 4);
    drop(bench);
    let mut bench = place.bench(NO_HISTORY);
    bench.now = at_ms - 1000;
    assert_eq!(bench.store.head(), 4);
    let next = bench.append(lines(&["a"], "x\n"));
    assert_eq!((next.number, next.at_ms), (5, at_ms));
    let gap = |name| bench.page(&from_start(&[name]), Seq::START).gap;
    assert_eq!(gap("a"), Some((Seq::START, Seq::new(4, 0))));
    assert_eq!(gap("b"), Some((Seq::START, Seq::new(5, 0))));
    assert_eq!(gap("c"), None);
}

#[test]
fn a_size_reaches_back_as_far_after_a_restart() {
    let place = Place::new();
    let keep = |age| Retention {
        history_age: Duration::from_millis(age),
        history_bytes: 2 * lines(&["a"], "x\n").log_bytes(),
        ..ALL
    };
    let mut bench = place.bench(keep(10));
    bench.join("alice", &["a"]);
    for name in ["a", "b", "b", "b"] {
        bench.append(lines(&[name], "x\n"));
    }
    bench.now += 10;
    assert_eq!(bench.prune().records, 3);
    drop(bench);
    // Its age would keep the first one now, but three that are gone lie behind it.
    let mut bench = place.bench(keep(HOUR));
    bench.ack("alice", &["a"], Seq::new(2, 0));
    assert_eq!(bench.prune().records, 1);
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::new();
    fs::write(&place.path, "my shopping list\n".repeat(100)).unwrap();
    let error = place.refusal();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("hub.db"));
}

#[test]
fn another_programs_database_is_refused() {
    let place = Place::new();
    let theirs = place.sqlite();
    theirs
        .execute_batch("CREATE TABLE photos (id INTEGER)")
        .unwrap();
    assert!(matches!(place.refusal(), StoreError::Foreign { .. }));
    theirs.execute_batch("PRAGMA application_id = 7").unwrap();
    assert!(matches!(place.refusal(), StoreError::Foreign { .. }));
}

#[test]
fn an_empty_file_is_taken() {
    let place = Place::new();
    fs::write(&place.path, "").unwrap();
    assert_eq!(place.bench(ALL).append(lines(&["a"], "x\n")).number, 1);
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
        let place = Place::with_messages();
        damage(
            &OpenOptions::new().write(true).open(&place.path).unwrap(),
            page,
        );
        let error = place.refusal();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_missing_table_is_damage() {
    let place = Place::with_messages();
    place.sqlite().execute_batch("DROP TABLE members").unwrap();
    assert!(matches!(place.refusal(), StoreError::Damaged { .. }));
}

#[test]
fn a_newer_schema_is_refused() {
    let place = Place::with_messages();
    place
        .sqlite()
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    assert!(matches!(
        place.refusal(),
        StoreError::Newer { found: 99, .. }
    ));
}

#[test]
fn a_second_hub_is_refused_until_the_first_ends() {
    let place = Place::with_messages();
    let first = open(&place.path, ALL);
    let second = SqliteStore::open(&place.path, ALL);
    assert!(matches!(second, Err(StoreError::Locked { .. })));
    drop(first);
    open(&place.path, ALL);
}

#[test]
fn where_nothing_can_be_written_it_says_so() {
    let nowhere = SqliteStore::open(Path::new("/proc/version"), ALL);
    assert!(matches!(nowhere, Err(StoreError::ReadOnly { .. })));
    let place = Place::new();
    fs::create_dir(&place.path).unwrap();
    let folder = SqliteStore::open(&place.path, ALL);
    assert!(matches!(folder, Err(StoreError::ReadOnly { .. })));
}

#[test]
fn somebody_else_reads_meanwhile() {
    let place = Place::with_messages();
    let mut bench = place.bench(ALL);
    let theirs = place.sqlite();
    let count = || -> i64 {
        theirs
            .query_row("SELECT count(*) FROM messages", [], |row| row.get(0))
            .unwrap()
    };
    bench.append(lines(&["a"], "x\n"));
    assert_eq!(count(), 51);
    theirs.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 51);
    bench.append(lines(&["a"], "y\n"));
    assert_eq!(count(), 51);
    theirs.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 52);
}

#[test]
fn a_locked_database_refuses_and_recovers() {
    let place = Place::new();
    let mut bench = place.bench(ALL);
    bench.append(lines(&["a"], "x\n"));
    let theirs = place.sqlite();
    theirs.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = bench.group(vec![append(lines(&["a"], "y\n")), Op::Noop]);
    assert!(matches!(done[0], OpOutcome::Refused(Refusal::Disk { .. })));
    assert_eq!(done[1], OpOutcome::Noop);
    theirs.execute_batch("ROLLBACK").unwrap();
    assert_eq!(bench.append(lines(&["a"], "y\n")).number, 2);
}

#[test]
fn the_views_can_be_read() {
    let place = Place::new();
    let mut bench = place.bench(ALL);
    bench.now = 1_700_000_000_123;
    bench.join("alice", &["ci", "b"]);
    bench.join("bob", &["ci"]);
    let mut said = lines(&["ci", "b"], "one\n\ntwo \\n \"2\" \\\\\n\ttab ü\n");
    said.header.from = Some(client("bob"));
    bench.append(said);
    let mut bytes = lines(&["ci"], "x\n");
    bytes.header.framing = Framing::Bytes;
    bytes.header.audience = Audience::Others;
    bytes.header.from = Some(client("bob"));
    bytes.body = Bytes::from_static(b"\0\0\0\x03a\nb");
    bench.append(bytes);
    let mut args = lines(&["ci"], "x\n");
    args.header.framing = Framing::Args;
    args.header.except = rooms(&["b"]).into();
    args.body = Bytes::from([b"\0\0\x01\x10[\"", &[b'y'; 0x10c][..], b"\"]\0\0\0\x01z"].concat());
    bench.append(args);
    bench.ack("alice", &["ci"], Seq::new(1, 2));

    let theirs = place.sqlite();
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
fn a_database_of_the_first_version_is_brought_up_to_date() {
    let place = Place::with_messages();
    place
        .sqlite()
        .execute_batch(
            "DROP VIEW recoverable; DROP TABLE session_rooms; DROP TABLE sessions; ALTER TABLE log DROP COLUMN reply;
             DROP VIEW later; DROP TABLE delayed;
             PRAGMA user_version = 1",
        )
        .unwrap();
    let mut bench = place.bench(ALL);
    assert_eq!(bench.info("a").unwrap().members, [(client("alice"), 50)]);
    bench.op(begin(1, new("p1", None)));
    bench.op(lost(1));
    drop(bench);
    let mut bench = place.bench(ALL);
    assert!(recovered(bench.op(again(2, None, "p1", None))).is_some());
    let due_ms = bench.now + 1;
    let later = bench.op(delay(lines(&["a"], "x\n"), due_ms));
    assert_eq!(later, OpOutcome::Delayed { due_ms, count: 1 });
}

#[test]
fn who_may_come_back_can_be_read() {
    let place = Place::new();
    let mut bench = place.bench(ALL);
    bench.now = 1_700_000_000_123;
    bench.join("alice", &["", "a"]);
    bench.op(begin(1, new("p1", Some("alice"))));
    bench.op(begin(2, new("p2", None)));
    bench.op(lost(1));
    let theirs = place.sqlite();
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
fn what_changes_nothing_writes_nothing() {
    let place = Place::new();
    let mut bench = place.bench(ALL);
    bench.join("alice", &["a"]);
    bench.append(lines(&["a"], "x\n"));
    bench.ack("alice", &["a"], Seq::new(2, 0));
    let before = fs::read(place.beside("-wal")).unwrap();
    bench.group(vec![
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
    bench.prune();
    bench.now += HOUR;
    bench.prune();
    assert!(before == fs::read(place.beside("-wal")).unwrap());
}

#[test]
fn the_write_ahead_log_stays_short_and_goes_in_the_end() {
    let place = Place::new();
    let mut bench = place.bench(NO_HISTORY);
    let four = || {
        (0..4)
            .map(|_| append(heavy(&["a"], MIB as usize)))
            .collect()
    };
    let fill = |bench: &mut Bench, groups: usize| {
        for _ in 0..groups {
            bench.group(four());
            bench.store.maintain(Maintenance::AfterCommit).unwrap();
            bench.prune();
        }
    };
    fill(&mut bench, 24);
    let bound = (limits::WAL_BYTES + 2 * limits::GROUP_BYTES) as u64;
    assert!(place.wal_bytes() <= bound, "{}", place.wal_bytes());
    // A reader that does not let go makes it longer, but stops nobody.
    let theirs = place.sqlite();
    let count = "SELECT count(*) FROM log";
    theirs.execute_batch("BEGIN").unwrap();
    theirs.query_row(count, [], |_| Ok(())).unwrap();
    fill(&mut bench, 12);
    assert!(place.wal_bytes() > bound);
    theirs.execute_batch("COMMIT").unwrap();
    bench.store.maintain(Maintenance::Closing).unwrap();
    assert_eq!(place.wal_bytes(), 0);
    // What was pruned made room for what came: nothing grew with all that passed through.
    let bytes = fs::metadata(&place.path).unwrap().len();
    assert!(bytes < 24 * MIB, "{bytes}");
}

/// The limit binds the whole process, so the test runs itself again in a process of its own.
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
    let place = Place::new();
    let mut bench = place.bench(ALL);
    bench.join("alice", &["a"]);
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
        let done = bench.group(vec![
            publish(confirmed + 1),
            publish(confirmed + 2),
            ack("alice", &["a"], Seq::new(confirmed, 0)),
        ]);
        match &done[0] {
            OpOutcome::Appended(_) => confirmed += 2,
            OpOutcome::Refused(Refusal::Disk { .. }) => refused += 1,
            other => panic!("{other:?}"),
        }
        acked += usize::from(refused == 1 && done[2] == OpOutcome::Acked);
        bench.store.maintain(Maintenance::Idle).unwrap();
        assert_eq!(bench.store.head(), confirmed);
    }
    // Small things still work when the first publish does not.
    assert!(acked > 0);
    assert!(confirmed >= 16, "{confirmed}");
    let all: Vec<(u64, u32)> = (1..=confirmed).map(|n| (n, 0)).collect();
    assert_eq!(bench.read_all(&from_start(&["a"])), all);
    assert_eq!(bench.op(Op::Noop), OpOutcome::Noop);

    limit(maximum);
    assert!(
        matches!(bench.op(publish(confirmed + 1)), OpOutcome::Appended(r) if r.number == confirmed + 1)
    );
    drop(bench);
    let bench = place.bench(ALL);
    assert_eq!(
        bench.read_all(&from_start(&["a"])).len() as u64,
        confirmed + 1
    );
}
