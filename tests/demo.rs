//! The first thing that a newcomer runs.

use rustix::process::Signal;

use crate::harness::Cmd;

#[test]
fn the_demo_shows_five_things_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Cmd::new(&["demo"])
        .env("TMPDIR", folder.path())
        .any_stdout()
        .check();
    let shown = demo.stdout().into_owned();
    for number in 1..=5 {
        assert!(shown.contains(&format!("\n{number}. ")), "{shown}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Cmd::new(&["demo"]).env("TMPDIR", folder.path()).spawn();
    assert!(demo.line().contains("roomcat demo"));
    demo.signal(Signal::TERM);
    assert_eq!(demo.wait().status, 143);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
