//! `sub --exec`: commands beside each other, messages that only look like a broken command, and signals.

use rustix::process::Signal;

use super::work::{Gated, dead, hub_with, lines};
use crate::harness::{Cmd, wait_until};

#[test]
fn a_message_that_makes_the_shell_say_no_blocks_nobody() {
    let script = r#"read -r data; case $data in bad*) exit 127;; esac; echo "$data""#;
    for messages in ["a\nbad\nb\n", "bad\na\nb\n", "bad\nbad2\nbad3\na\nb\n"] {
        let hub = hub_with(messages);
        let bad = messages.matches("bad").count();
        hub.cmd(&["sub", "jobs", "--as", "w", "--drain", "--retries", "1"])
            .args(&["-x", script])
            .stdout("a\nb\n")
            .stderr_has("exit status 127 (2 attempts); moved to \"dead\"")
            .check();
        assert_eq!(hub.pending("jobs", "w"), Some(0), "{messages}");
        assert_eq!(dead(&hub, "dead").len(), bad, "{messages}");
    }
}

#[test]
fn a_mistyped_command_is_tried_for_a_few_messages_at_most() {
    let hub = hub_with(&super::work::numbered(100));
    let ran = hub.folder().join("ran");
    hub.cmd(&["sub", "jobs", "--as", "w", "-x"])
        .args(&[r#"echo x >> "$RAN"; no-such-command-here"#])
        .env("RAN", &ran)
        .stderr_has("ended with 127")
        .status(1)
        .check();
    assert_eq!(lines(&ran).len(), 4);
    assert_eq!(hub.pending("jobs", "w"), Some(100));
}

#[test]
fn commands_at_once_print_whole_lines() {
    let hub = hub_with("1\n2\n");
    let script = r#"read -r data; printf '%s-' "$data"; echo "$data" >> "$RAN"; read -r go < "$GATE"; echo "$data""#;
    let gated = Gated::start(&hub, &["-j", "2", "-n", "2"], script);
    wait_until("both run", || gated.ran().len() == 2);
    gated.open();
    gated.open();
    let outcome = gated.worker.wait();
    let text = outcome.stdout();
    let mut printed: Vec<&str> = text.lines().collect();
    printed.sort_unstable();
    assert_eq!((outcome.status, &printed[..]), (0, &["1-1", "2-2"][..]));
}

#[test]
fn what_is_too_much_to_hold_is_not_torn_either() {
    const BYTES: usize = 999_999;
    let hub = hub_with("a\nb\n");
    let script = format!(
        r#"read -r data; yes "$(printf '%0100d' 0 | tr 0 "$data")" | head -c {BYTES}; echo"#
    );
    let outcome = hub
        .cmd(&["sub", "jobs", "--as", "w", "-j", "2", "-n", "2", "-x"])
        .args(&[&script])
        .run();
    let text = outcome.stdout();
    assert_eq!((outcome.status, text.len()), (0, 2 * (BYTES + 1)));
    for line in text.lines() {
        let first = line.chars().next().expect("no line is empty");
        assert!(line.chars().all(|one| one == first), "{line}");
    }
    // Each stands together.
    let changes = text.lines().zip(text.lines().skip(1));
    assert_eq!(changes.filter(|(a, b)| a[..1] != b[..1]).count(), 1);
}

#[test]
fn a_lost_terminal_lets_what_runs_end() {
    let hub = hub_with("1\n2\n");
    let script = r#"read -r data; echo "$data" >> "$RAN"; read -r go < "$GATE"; echo "end $data""#;
    let mut gated = Gated::start(&hub, &[], script);
    wait_until("the first runs", || gated.ran() == ["1"]);
    gated.worker.signal(Signal::HUP);
    gated
        .worker
        .wait_for_stderr("waiting up to 5s for 1 command");
    gated.open();
    assert_eq!(gated.worker.line(), "end 1");
    assert_eq!(gated.worker.wait().status, 129);
    assert_eq!(hub.pending("jobs", "w"), Some(1));
}

#[test]
fn a_lost_terminal_means_nothing_under_nohup() {
    let hub = hub_with("1\n");
    let mut worker = Cmd::shell("trap '' HUP; exec roomcat sub jobs --as w -x 'cat; echo'")
        .env("ROOMCAT_URL", hub.url())
        .spawn_closed();
    assert_eq!(worker.line(), "1");
    worker.signal(Signal::HUP);
    hub.publish("jobs", "2\n");
    assert_eq!(worker.line(), "2");
    worker.signal(Signal::TERM);
    assert_eq!(worker.wait().status, 143);
}

#[test]
fn a_timeout_says_that_it_waits_for_a_command() {
    let hub = hub_with("1\n");
    let script = r#"echo x >> "$RAN"; read -r go < "$GATE""#;
    let gated = Gated::start(&hub, &["--timeout", "2s"], script);
    wait_until("it runs", || gated.ran().len() == 1);
    let said = "timed out after 2s; waiting up to 5s for 1 command; Ctrl-C kills it";
    gated.worker.wait_for_stderr(said);
    gated.open();
    assert_eq!(gated.worker.wait().status, 5);
    assert_eq!(hub.pending("jobs", "w"), Some(0));
}
