//! `sub --format`.

use crate::harness::{Cmd, TestHub};

#[test]
fn a_format_has_every_field() {
    let hub = TestHub::start();
    let publish = ["pub", "a", "--to", "b", "-e", "deploy", "--as", "alice"];
    hub.cmd(&publish)
        .args(&["--reply-to", "answers", "hi there"])
        .check();
    hub.publish("a", "nameless\n");
    let show = |format: &str| -> Cmd {
        hub.cmd(&["sub", "a", "--last", "2", "--drain", "--format", format])
    };
    show("{seq} {namespace} {room} {rooms} {event} <{from}> <{reply}> {data}")
        .stdout("1 / a a,b deploy <alice> <answers> hi there\n2 / a a message <> <> nameless\n")
        .check();
    show(r"{{\t{data}\x21\\}}\0")
        .stdout("{\thi there!\\}\0\n{\tnameless!\\}\0\n")
        .check();
    let json = hub
        .cmd(&["sub", "a", "--last", "2", "--drain", "--json"])
        .run();
    show("{json}").stdout(&json.stdout).check();
    // An hour that no message can have been published in, by a clock of its own.
    let year = show("{time:%Y-%z}").env("TZ", "UTC").run();
    assert!(year.stdout().ends_with("-+0000\n"), "{}", year.stdout());
    let utc = show("{time}").run();
    assert!(utc.stdout().lines().all(|line| line.ends_with('Z')));
}

#[test]
fn what_ends_a_message_is_no_part_of_the_format() {
    let hub = TestHub::start();
    hub.publish("a", "1\n2\n");
    let show = |flags: &[&str]| {
        hub.cmd(&["sub", "a", "--last", "2", "--drain", "--format", "<{data}>"])
            .args(flags)
    };
    show(&[]).stdout("<1>\n<2>\n").check();
    show(&["--raw"]).stdout("<1><2>").check();
    show(&["-0"]).stdout("<1>\0<2>\0").check();
    show(&["--json"]).any_stderr().status(2).check();
}

#[test]
fn a_field_that_is_none_is_a_usage_error() {
    let hub = TestHub::start();
    hub.cmd(&["sub", "a", "--format", "{who}"])
        .stderr_has("there is no field {who}")
        .stderr_has("{namespace} {reply} {json}")
        .status(2)
        .check();
}

#[test]
fn what_is_customary_of_a_time_is_so_in_english() {
    let hub = TestHub::start();
    hub.publish("lobby", "hi\n");
    let show = |format: &str| {
        hub.cmd(&["sub", "lobby", "--last", "1", "--drain", "--format", format])
            .env("TZ", "UTC")
            .env("LC_ALL", "de_DE.UTF-8")
    };
    for (pattern, wanted) in [
        ("%c", "%a %b %e %H:%M:%S %Y"),
        ("%x", "%m/%d/%y"),
        ("%X", "%H:%M:%S"),
    ] {
        let format = format!("{{time:{pattern}}}|{{time:{wanted}}}");
        let outcome = show(&format).run();
        let text = outcome.stdout();
        let (custom, spelled) = text.trim_end().split_once('|').expect("two times");
        assert_eq!(custom, spelled, "{pattern}");
    }
    show("{time:}")
        .stderr_has("{time:} has no pattern")
        .status(2)
        .check();
}
