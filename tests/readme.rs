//! README.md does what it says: its `sh` blocks are run in their order, and what they print is compared.
//!
//! A block is a terminal: `$ ` is a command, the lines behind it are what it and the jobs in the background print, `…`
//! stands for anything. Jobs (`&`) end with their block. `roomcat serve &` alone is the hub that the test has started.
//! A block that is not run says why: `sh (not run here: …)`. A block of something else with a name, as in `toml hub.toml`,
//! is a file in the folder where they run.

use std::path::Path;

use crate::harness::{Cmd, Running, TestHub, wait_until};

struct Block {
    line: usize,
    commands: Vec<Command>,
}

struct Command {
    line: usize,
    text: String,
    output: Vec<String>,
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("README.md")
}

/// The blocks to run, and how many are not.
fn blocks(text: &str) -> (Vec<Block>, usize) {
    let (mut run, mut not_run) = (Vec::new(), 0);
    let mut lines = (1..).zip(text.lines());
    while let Some((line, text)) = lines.next() {
        let Some(info) = text.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().take_while(|(_, text)| *text != "```");
        let inside: Vec<_> = inside.collect();
        match info.strip_prefix("sh") {
            Some("") => run.push(Block {
                line,
                commands: commands(&inside),
            }),
            Some(why) => {
                let why = why.strip_prefix(" (not run here: ").unwrap_or_default();
                assert!(
                    why.len() > 10,
                    "README.md:{line}: not run, and does not say why"
                );
                not_run += 1;
            }
            None => {}
        }
    }
    (run, not_run)
}

/// The files that are shown, with their names.
fn files(text: &str) -> Vec<(&str, String)> {
    let mut files = Vec::new();
    let mut lines = text.lines();
    while let Some(text) = lines.next() {
        let Some(info) = text.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().take_while(|text| *text != "```");
        let inside: Vec<_> = inside.collect();
        match info.split_once(' ') {
            Some((language, name)) if language != "sh" => files.push((name, inside.join("\n"))),
            _ => {}
        }
    }
    files
}

fn commands(lines: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (line, text) in lines {
        match text.strip_prefix("$ ") {
            Some(text) => commands.push(Command {
                line: *line,
                text: text.to_owned(),
                output: Vec::new(),
            }),
            None => {
                let command = commands.last_mut();
                let command = command.unwrap_or_else(|| panic!("README.md:{line}: no command"));
                command.output.push((*text).to_owned());
            }
        }
    }
    commands
}

/// Whether a line is what the README shows; `…` stands for anything.
pub fn matches(shown: &str, found: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = found.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

struct Terminal<'a> {
    hub: &'a TestHub,
    jobs: Vec<Running>,
}

impl Terminal<'_> {
    fn cmd(&self, script: &str) -> Cmd {
        Cmd::shell(script)
            .env("ROOMCAT_URL", self.hub.url())
            .env("HOME", self.hub.folder())
            .env("XDG_CONFIG_HOME", "")
            .directory(self.hub.folder())
    }

    fn run(&mut self, command: &Command) {
        let place = format!("README.md:{}: {}", command.line, command.text);
        let Some(job) = command.text.strip_suffix(" &") else {
            let outcome = self.cmd(&command.text).run();
            assert_eq!(outcome.status, 0, "{place}\n{}", outcome.stderr());
            let output = outcome.stdout().into_owned();
            return self.compare(&place, &command.output, &output);
        };
        if job == "roomcat serve" {
            return;
        }
        // `exec`, so that the job is the command itself and not a shell around it.
        let script = format!("exec {job}");
        if job.starts_with("roomcat serve ") {
            let running = self.cmd(&script).spawn();
            running.wait_for_stderr("listening on ");
            self.jobs.push(running);
            return;
        }
        let room = listens_in(job).unwrap_or_else(|| panic!("{place}: a job that does not listen"));
        let (namespace, name) = room.split_once('#').unwrap_or(("/", room));
        let before = self.sockets(namespace, name);
        let running = self.cmd(&script).spawn();
        wait_until(&place, || self.sockets(namespace, name) == before + 1);
        self.jobs.push(running);
        self.compare(&place, &command.output, "");
    }

    fn sockets(&self, namespace: &str, room: &str) -> u64 {
        self.hub.room_in(namespace, room).map_or(0, |room| {
            room["sockets"].as_u64().expect("a number of sockets")
        })
    }

    /// What a command and the jobs printed is what is shown; their order among each other is nobody's promise.
    fn compare(&mut self, place: &str, shown: &[String], output: &str) {
        let mut missing: Vec<&str> = shown.iter().map(String::as_str).collect();
        let mut found = |line: &str| match missing.iter().position(|it| matches(it, line)) {
            Some(at) => {
                missing.remove(at);
                missing.len()
            }
            None => panic!("{place}\n  printed {line:?}, expected {missing:?}"),
        };
        let mut left = shown.len();
        for line in output.lines() {
            left = found(line);
        }
        wait_until(&format!("{place}\n  printed all of {shown:?}"), || {
            for job in &mut self.jobs {
                while let Some(line) = job.line_if_there() {
                    left = found(&line);
                }
            }
            left == 0
        });
    }

    fn close(self, line: usize) {
        for mut job in self.jobs {
            if let Some(line_left) = job.line_if_there() {
                panic!("README.md:{line}: a job printed {line_left:?} beside what is shown");
            }
        }
    }
}

/// The first room of a `sub` or `chat`; an `on` is in the room that is the whole namespace.
pub fn listens_in(job: &str) -> Option<&str> {
    if job.starts_with("roomcat on ") {
        return Some("");
    }
    let mut words = job
        .split_whitespace()
        .skip_while(|word| *word != "sub" && *word != "chat");
    words.next()?;
    words.find(|word| !word.starts_with('-'))
}

#[test]
fn the_readme_does_what_it_says() {
    let text = readme();
    let (blocks, not_run) = blocks(&text);
    assert!(
        blocks.len() > 10 && not_run < 9,
        "{} and {not_run}",
        blocks.len()
    );
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join(".local/state/roomcat/roomcat.db");
    let hub = TestHub::at_home(home, &database);
    for (name, content) in files(&text) {
        // Everyone's home is where the commands run.
        let path = hub.folder().join(name.trim_start_matches("~/"));
        let folder = path.parent().expect("it lies in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }
    for block in &blocks {
        let mut terminal = Terminal {
            hub: &hub,
            jobs: Vec::new(),
        };
        for command in &block.commands {
            terminal.run(command);
        }
        terminal.close(block.line);
    }
}

#[test]
fn the_readme_names_every_command_and_every_exit_code() {
    let text = readme();
    let run: Vec<String> = blocks(&text)
        .0
        .into_iter()
        .flat_map(|block| block.commands)
        .map(|command| command.text)
        .collect();
    for command in [
        "serve", "pub", "sub", "join", "leave", "rooms", "who", "kick", "chat", "emit", "on",
        "config", "demo",
    ] {
        let call = format!("roomcat {command}");
        assert!(
            run.iter().any(|text| text.contains(&call)),
            "{call} is not run"
        );
    }
    assert!(text.contains("-- demo"));
    for code in [
        "| 0 |",
        "| 1 |",
        "| 2 |",
        "| 3 |",
        "| 4 |",
        "| 5 |",
        "| 6 |",
        "| 129, 130, 143 |",
    ] {
        assert!(text.contains(code), "{code}");
    }
}

#[test]
fn the_runner_of_the_readme_can_tell_right_from_wrong() {
    assert!(matches("a…c", "abc") && matches("a…", "a") && matches("…", "") && matches("x", "x"));
    assert!(!matches("a…c", "ab") && !matches("x", "xy") && !matches("a…b…c", "acb"));
    let (run, not_run) = blocks(
        "```sh\n$ a &\n$ b\nout\n```\n```text\n$ c\n```\n```sh (not run here: it is too long)\n$ d\n```\n",
    );
    assert_eq!((run.len(), not_run), (1, 1));
    let shown = files("```toml a.toml\nx = 1\ny = 2\n```\n```sh (no file)\n```\n```js\n```\n");
    assert_eq!(shown, [("a.toml", "x = 1\ny = 2".to_owned())]);
    assert_eq!(run[0].commands[1].output, ["out"]);
    assert_eq!(listens_in("roomcat pub dev"), None);
    assert_eq!(listens_in("roomcat sub dev ops -n 2"), Some("dev"));
    assert_eq!(listens_in("roomcat on dev"), Some(""));
}
