//! Tables: as wide as the terminal, whole in a pipe, and redrawn in place with `--watch`.

use rustix::process::Signal;

use crate::harness::{Cmd, Size, Terminal, TestHub, wait_until};

const SCREEN: Size = Size(80, 16);

/// Runs a shell script in a terminal. `roomcat` in it is the one under test.
fn in_terminal(hub: &TestHub, script: &str, size: Size) -> Terminal {
    let command = Cmd::shell(script).env("ROOMCAT_URL", hub.url());
    command.directory(hub.folder()).in_terminal(size)
}

/// Rooms with a member and without messages, so that no time is shown.
fn hub_with(rooms: &[&str]) -> TestHub {
    let hub = TestHub::start();
    join(&hub, rooms, "alice");
    hub
}

fn join(hub: &TestHub, rooms: &[&str], name: &str) {
    let command = hub.cmd(&[&["join"], rooms, &["--as", name]].concat());
    command.check();
}

fn numbered(count: usize) -> Vec<String> {
    (1..=count)
        .map(|number| format!("room-{number:02}"))
        .collect()
}

fn strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

const LONG: &str = "projects.2024.roomcat.builds.nightly";

#[test]
fn a_table_is_as_wide_as_the_terminal_and_whole_in_a_pipe() {
    let hub = hub_with(&["ci", LONG, "漢字漢字漢字漢字漢字漢字"]);
    let script = "roomcat rooms; stty cols 46; echo; roomcat rooms; roomcat rooms | cat >piped";
    let terminal = in_terminal(&hub, script, SCREEN);
    assert_eq!(terminal.wait(), 0);
    let wide = "\
ROOM                                  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
ci                                          0        1        0         0  -
projects.2024.roomcat.builds.nightly        0        1        0         0  -
漢字漢字漢字漢字漢字漢字                    0        1        0         0  -
";
    let narrow = "\
ROOM      SOCKETS  MEMBERS  PENDING  MESSAGES…
ci              0        1        0         0…
proj…tly        0        1        0         0…
漢字…字         0        1        0         0…";
    let screen = terminal.screen();
    assert!(screen.starts_with(wide), "{screen}");
    assert!(screen.ends_with(narrow), "{screen}");
    assert!(terminal.style_of("ROOM").bold && !terminal.style_of("ci").bold);
    let piped = std::fs::read_to_string(hub.folder().join("piped")).unwrap();
    assert_eq!(piped, wide);
}

#[test]
fn the_members_of_a_room_are_a_table_below_it() {
    let hub = hub_with(&["ci"]);
    join(&hub, &["ci"], "a-worker-with-a-very-long-name-indeed");
    let terminal = in_terminal(&hub, "roomcat rooms ci", Size(50, 12));
    assert_eq!(terminal.wait(), 0);
    let screen = "\
ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
ci          0        2        0         0  -

MEMBER                               PENDING  HERE
a-worker-with-a-v…-long-name-indeed        0  no
alice                                      0  no";
    assert_eq!(terminal.screen(), screen);
}

#[test]
fn a_watched_table_is_drawn_in_place_and_stays_when_it_is_interrupted() {
    let hub = hub_with(&["ci"]);
    let script =
        "echo before; trap : INT; roomcat rooms --watch 100ms; echo \"ended $?\"; stty -a >after";
    let terminal = in_terminal(&hub, script, SCREEN);
    terminal.wait_for_text("ci ");
    for name in ["bob", "carol"] {
        join(&hub, &["ci", name], name);
    }
    // Typed keys must not move the table.
    terminal.press(&["Enter", "Enter"]);
    terminal.wait_for_text("carol");
    terminal.press(&["C-c"]);
    terminal.wait();
    let screen = "\
before
ROOM   SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
bob          0        1        0         0  -
carol        0        1        0         0  -
ci           0        3        0         0  -
ended 130";
    assert_eq!(terminal.history(), screen);
    let after = std::fs::read_to_string(hub.folder().join("after")).unwrap();
    assert_echo(&after);
}

/// Takes the output of `stty -a`.
fn assert_echo(stty: &str) {
    assert!(
        stty.contains(" echo ") && !stty.contains("-echo "),
        "{stty}"
    );
}

#[test]
fn a_watched_table_that_is_stopped_leaves_the_terminal_as_it_was() {
    let hub = hub_with(&["ci"]);
    // Ctrl-C also ends the inner shell, because its job died of it. The outer shell goes on.
    let script = "trap : INT
        sh -c 'set -m; roomcat rooms --watch 100ms; echo in between; fg >/dev/null'
        echo \"ended $?\"; stty -a >after";
    let terminal = in_terminal(&hub, script, SCREEN);
    terminal.wait_for_text("ci ");
    terminal.press(&["C-z"]);
    terminal.wait_for_text("in between");
    join(&hub, &["ops"], "alice");
    // The table is drawn below that text, and in place again.
    terminal.wait_for_text("ops ");
    join(&hub, &["zoo"], "alice");
    terminal.press(&["Enter"]);
    terminal.wait_for_text("zoo ");
    terminal.press(&["C-c"]);
    terminal.wait();
    let history = terminal.history();
    let (_, below) = history.split_once("in between\n").expect(&history);
    let table = "\
ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST
ci          0        1        0         0  -
ops         0        1        0         0  -
zoo         0        1        0         0  -
ended 130";
    assert_eq!(below, table);
    assert_echo(&std::fs::read_to_string(hub.folder().join("after")).unwrap());
}

#[test]
fn watch_ends_even_if_its_terminal_takes_no_output() {
    let hub = hub_with(&["ci"]);
    // Stderr goes to a file, because the shell reports the signal there and would block on the terminal.
    let script = "exec 3>&2 2>said; bash -c 'echo $$ >pid; exec roomcat rooms --watch 100ms 2>&3'; echo $? >status
        stty -a >after.part; mv after.part after";
    let terminal = in_terminal(&hub, script, SCREEN);
    terminal.wait_for_text("ci ");
    // After Ctrl-S the terminal takes no output, so drawing blocks.
    terminal.press(&["C-s"]);
    let read = |name: &str| std::fs::read_to_string(hub.folder().join(name)).unwrap_or_default();
    let pid = read("pid").trim().parse().expect("a number");
    let pid = rustix::process::Pid::from_raw(pid).expect("a process");
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    wait_until("its end", || !read("after").is_empty());
    assert_eq!(read("status").trim(), "143");
    assert_echo(&read("after"));
}

#[test]
fn a_resize_draws_a_watched_table_anew() {
    let names = numbered(8);
    let hub = hub_with(&[&strs(&names)[..], &[LONG]].concat());
    // One request only, so that nothing but the terminal's size changes.
    let terminal = in_terminal(&hub, "roomcat rooms --watch 1h", SCREEN);
    let wide = terminal.wait_for_text("room-08");
    assert_eq!(wide.lines().count(), 10, "{wide}");
    for _ in 0..2 {
        terminal.resize(Size(50, 16));
        let narrow = terminal.wait_for_text("proj…tly");
        assert_eq!(narrow.lines().count(), 10, "{narrow}");
        assert!(narrow.starts_with("ROOM      SOCKETS "), "{narrow}");
        terminal.resize(SCREEN);
        terminal.wait_for("all of it again", |screen| screen == wide);
    }
}

#[test]
fn a_low_terminal_shows_as_many_rows_as_fit() {
    let names = numbered(8);
    let hub = hub_with(&strs(&names));
    let terminal = in_terminal(&hub, "echo before; roomcat rooms --watch 1h", SCREEN);
    let high = terminal.wait_for_text("room-08");
    assert_eq!(high.lines().count(), 10, "{high}");
    for (rows, more) in [(6, 5), (3, 8), (5, 6)] {
        terminal.resize(Size(80, rows));
        let text = format!("… and {more} more");
        let low = terminal.wait_for_text(&text);
        let lines: Vec<&str> = low.lines().collect();
        assert_eq!(lines.len(), usize::from(rows) - 1, "{low}");
        assert!(lines[0].starts_with("ROOM ") || rows == 3, "{low}");
        assert!(terminal.style_of(&text).dim);
    }
    terminal.resize(SCREEN);
    terminal.wait_for("all of it again", |screen| screen == high);
}

#[test]
fn the_line_below_the_table_reports_a_lost_hub_until_it_is_back() {
    let mut hub = hub_with(&["ci"]);
    let terminal = in_terminal(&hub, "roomcat rooms --watch 100ms", SCREEN);
    let table = terminal.wait_for_text("ci ");
    hub.stop();
    let screen = terminal.wait_for("the reason", |screen| {
        screen.contains("\nreconnecting to ws://127.0.0.1")
            && screen.contains("connection refused (")
    });
    assert!(screen.starts_with(&table), "{screen}");
    assert_eq!(screen.lines().count(), 3, "{screen}");
    hub.restart();
    join(&hub, &["ops"], "alice");
    let screen = terminal.wait_for_text("ops ");
    assert_eq!(screen.lines().count(), 3, "{screen}");
    rustix::process::kill_process(hub.pid(), Signal::STOP).unwrap();
    terminal.wait_for_text("\nno answer from ws://127.0.0.1");
    rustix::process::kill_process(hub.pid(), Signal::CONT).unwrap();
    terminal.wait_for("an answer", |now| now == screen);
    terminal.press(&["C-c"]);
    assert_eq!(terminal.wait(), 130);
}

#[test]
fn a_watched_table_in_a_pipe_is_a_block_each_time() {
    let hub = hub_with(&["ci"]);
    let mut watching = hub.cmd(&["rooms", "--watch", "100ms"]).spawn();
    let head = "ROOM  SOCKETS  MEMBERS  PENDING  MESSAGES  LAST";
    for _ in 0..3 {
        let lines = [(); 3].map(|()| watching.line());
        assert_eq!(
            lines[..2],
            [head, "ci          0        1        0         0  -"]
        );
        assert_eq!(lines[2], "");
    }
    watching.signal(Signal::INT);
    assert_eq!(watching.wait().status, 130);
    let closed = "roomcat rooms --watch 1h | head -n 1; echo ${PIPESTATUS[@]}";
    let closed = Cmd::shell(closed).env("ROOMCAT_URL", hub.url());
    closed.stdout(format!("{head}\n0 0\n")).check();
}

#[test]
fn an_interval_is_a_duration_that_makes_sense() {
    let refused = |words: &[&str], why: &str| {
        Cmd::new(words).status(2).stderr_has(why).check();
    };
    refused(
        &["rooms", "--watch", "ci"],
        "a duration is a number and a unit",
    );
    refused(&["rooms", "--watch", "1ms"], "at least 100 ms");
    refused(&["rooms", "--json", "--watch"], "cannot be used with");
}

#[test]
fn a_bare_namespace_stands_for_its_rooms() {
    let hub = TestHub::start();
    hub.publish("/admin#ops", "hi\n");
    hub.publish("/admin", "all\n");
    hub.publish("lobby", "elsewhere\n");
    for arguments in [
        &["rooms", "/admin"][..],
        &["rooms", "--namespace", "/admin"],
    ] {
        let outcome = hub.cmd(arguments).run();
        let text = outcome.stdout();
        let rooms: Vec<&str> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(rooms, ["/admin", "ops"], "{text}");
    }
}
