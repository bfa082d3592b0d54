//! Usage errors: they show what was typed without letting the terminal obey it, and they lead to help.

use crate::harness::{Cmd, Size};

/// The usage error for these words.
fn said(words: &[&str]) -> String {
    let outcome = Cmd::new(words).any_stderr().status(2).check();
    outcome.stderr().into_owned()
}

#[test]
fn what_was_typed_is_not_obeyed_by_the_terminal() {
    for words in [
        &["sub", "lobby", "--nope\u{1b}[31mRED"][..],
        &["sub", "a\u{1b}[31mRED", "--nope"],
        &["sub", "a\u{1b}[31mRED"],
        &["su\u{1b}[31mRED"],
        &["rooms", "--namespace", "\u{1b}[31mRED"],
        &["rooms", "--color", "\u{1b}[31mRED"],
        &["sub", "lobby", "-n", "\u{1b}[31mRED"],
        &["-H", "\u{9b}31mRED", "rooms"],
        &["demo", "--lesson", "\u{1b}[31mRED"],
        &["sub", "lobby", "-\u{1b}[31mRED"],
        &["config", "a\u{7}b\u{202e}c"],
    ] {
        let said = said(words);
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.contains(obeyed), "{words:?}: {said:?}");
    }
    assert!(said(&["sub", "lobby", "--nope\u{1b}[31mRED"]).contains("--nope␛[31mRED"));
    let colours = "a\u{1b}[31mRED";
    let terminal = Cmd::new(&["sub", colours, "--nope"]).in_terminal(Size(100, 20));
    assert_eq!(terminal.wait(), 2);
    assert!(!terminal.transcript().contains("\u{1b}[31mRED"));
}

#[test]
fn a_usage_error_leads_to_the_help_of_its_command() {
    for (words, command) in [
        (&["sub"][..], "sub"),
        (&["pub", "/a#b", "--to", "/c#d", "hi"], "pub"),
        (&["pub"], "pub"),
        (&["sub", "r", "--nope"], "sub"),
        (&["on", "--count", "x"], "on"),
    ] {
        let said = said(words);
        let hint = format!("\n  hint: see \"roomcat help {command}\"\n");
        assert!(
            said.starts_with("roomcat: ") && said.ends_with(&hint),
            "{said}"
        );
        assert_eq!(said.lines().count(), 2, "{said}");
        Cmd::new(&["help", command]).any_stdout().check();
    }
}

#[test]
fn a_mistyped_command_or_lesson_leads_to_those_that_exist() {
    for (typed, meant) in [
        ("sbu", "sub"),
        ("pbu", "pub"),
        ("roms", "rooms"),
        ("quue", "queue"),
    ] {
        let said = said(&[typed]);
        assert!(
            said.ends_with(&format!("\n  hint: did you mean \"{meant}\"?\n")),
            "{said}"
        );
    }
    assert!(!said(&["xyzzy"]).contains("did you mean"));
    for number in ["x", "0", "99", "-1"] {
        let flag = format!("--lesson={number}");
        let said = said(&["demo", &flag]);
        assert!(said.contains("there are lessons 1 to 8"), "{said}");
    }
}
