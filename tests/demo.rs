//! The demo: the tour that a newcomer runs first, and the lessons.

use rustix::process::Signal;

use crate::harness::{Cmd, Size};

#[test]
fn the_tour_has_five_steps_and_leaves_no_files() {
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
fn an_interrupted_tour_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Cmd::new(&["demo"]).env("TMPDIR", folder.path()).spawn();
    assert!(demo.line().contains("roomcat demo"));
    demo.signal(Signal::TERM);
    assert_eq!(demo.wait().status, 143);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// The titles in the output of `--list`.
fn titles() -> Vec<String> {
    let list = Cmd::new(&["demo", "--list"]).any_stdout().check();
    let list = list.stdout().into_owned();
    let titles = list
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let titles = (1..).zip(titles).map(|(number, line)| {
        let (found, title) = line.split_once("  ").expect("a number and a title");
        assert_eq!(found, number.to_string());
        title.to_owned()
    });
    titles.collect()
}

#[test]
fn every_lesson_gets_the_results_that_it_describes() {
    let titles = titles();
    assert!(titles.len() >= 7, "{titles:?}");
    let folder = tempfile::tempdir().unwrap();
    for (number, title) in (1..).zip(titles) {
        // A lesson ignores its environment: another hub, a name, invalid settings.
        let settings = folder.path().join("settings/roomcat");
        std::fs::create_dir_all(&settings).unwrap();
        std::fs::write(settings.join("config.toml"), "nonsense").unwrap();
        let temporary = folder.path().join(number.to_string());
        std::fs::create_dir(&temporary).unwrap();
        let lesson = Cmd::new(&["demo", "--auto", "--lesson", &number.to_string()])
            .env("TMPDIR", &temporary)
            .env("XDG_CONFIG_HOME", folder.path().join("settings"))
            .env("ROOMCAT_URL", "ws://127.0.0.1:1")
            .env("ROOMCAT_AS", "nobody")
            .env("FORCE_COLOR", "1")
            .any_stdout()
            .check();
        let coloured = lesson.stdout().into_owned();
        let shown = plain(&coloured);
        assert!(coloured != shown, "{shown}");
        assert!(
            shown.starts_with(&format!("Lesson {number}: {title}\n")),
            "{shown}"
        );
        let frames = shown.lines().filter(|line| line.contains(['→', '←']));
        assert!(frames.count() >= 2, "{shown}");
        let (_, summary) = shown.split_once("\nWhat you saw\n").expect(&shown);
        let sentences = summary.replace('\n', " ").trim_end().split(". ").count();
        assert_eq!(sentences, 2, "{summary}");
        assert!(
            shown
                .lines()
                .filter(|line| line.contains(" $ roomcat "))
                .count()
                >= 3
        );
        assert_eq!(temporary.read_dir().unwrap().count(), 0);
    }
}

/// Removes the colours.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let (_, rest) = part.split_once('m').expect("a colour");
        plain + rest
    })
}

#[test]
fn an_unknown_lesson_is_refused_with_the_numbers_that_exist() {
    for number in ["0", "99"] {
        Cmd::new(&["demo", "--lesson", number])
            .stderr_has(&format!(
                "\"{number}\" for --lesson: there are lessons 1 to "
            ))
            .stderr_has("demo --list")
            .status(2)
            .check();
    }
}

#[test]
fn an_interrupted_lesson_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut lesson = Cmd::new(&["demo", "--lesson", "2"])
        .env("TMPDIR", folder.path())
        .spawn();
    assert!(lesson.line().starts_with("Lesson 2"));
    lesson.signal(Signal::INT);
    assert_eq!(lesson.wait().status, 130);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn the_document_for_teaching_names_each_lesson() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/teaching.md");
    let document = std::fs::read_to_string(document).unwrap();
    for (number, title) in (1..).zip(titles()) {
        let row = format!("| [`roomcat demo --lesson {number}`](../src/cli/commands/demo/lessons/");
        let row = document.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("lesson {number} is not in docs/teaching.md"));
        assert!(row.contains(&title), "{row}");
    }
}

#[test]
fn at_a_terminal_a_lesson_waits_for_enter_before_each_command() {
    let lesson = Cmd::new(&["demo", "--lesson", "2"]).in_terminal(Size(160, 50));
    let mut offered = lesson.wait_for_text("alice $ roomcat chat kitchen --trace");
    assert!(!offered.contains("bob"), "{offered}");
    for next in [
        "bob $ roomcat chat kitchen",
        "alice > does anyone hear me?",
        "bob > loud and clear",
        "$ roomcat pub kitchen 'tea is ready'",
    ] {
        lesson.press(&["Enter"]);
        offered = lesson.wait_for_text(next);
        // The command is at the end of the screen, and it has not run yet.
        assert!(offered.ends_with(next), "{offered}");
    }
    assert!(!offered.contains("| tea is ready"), "{offered}");
    lesson.press(&["Enter"]);
    let shown = lesson.wait_for_text("The line sent to \"all\" reached both.");
    assert!(
        shown.contains("bob | tea is ready\n\nWhat you saw\n"),
        "{shown}"
    );
}

#[test]
fn at_a_terminal_ctrl_c_ends_a_lesson_and_the_end_of_input_presses_enter() {
    let folder = tempfile::tempdir().unwrap();
    let lesson = |keys: &[&str]| {
        let lesson = Cmd::new(&["demo", "--lesson", "3"]).env("TMPDIR", folder.path());
        let lesson = lesson.in_terminal(Size(160, 80));
        lesson.wait_for_text("alice $ roomcat sub red --trace");
        lesson.press(keys);
        (lesson.wait(), lesson.history())
    };
    assert_eq!(lesson(&["C-c"]).0, 130);
    let (status, shown) = lesson(&["C-d"]);
    assert!(status == 0 && shown.contains("What you saw"), "{shown}");
    // With --auto no command waits for Enter.
    let auto = Cmd::new(&["demo", "--lesson", "2", "--auto"]).in_terminal(Size(160, 80));
    assert_eq!(auto.wait(), 0);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}
