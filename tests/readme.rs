//! README.md and the documents in docs/ do what they say: the `sh` blocks of each run in order, and their output is
//! compared with what is shown.
//!
//! Each document has a hub and a home folder of its own. A block is a terminal: a line that begins with `$ ` is a command,
//! the lines below it are the output of that command and of the jobs in the background, and `…` stands for anything. Jobs
//! (`&`) end with their block. `roomcat serve &` alone is the hub that the test has started. A block that is not run says
//! why: `sh (not run here: …)`. A block in another language with a name, such as `toml hub.toml`, is a file in the folder
//! where the commands run.

use std::path::Path;

use roomcat::cli::args;

use crate::harness::{Cmd, Running, TestHub, wait_until};

/// A document that a user reads.
pub struct Document {
    /// Its path from the root of the repository.
    pub name: String,
    pub text: String,
}

struct Block {
    line: usize,
    commands: Vec<Command>,
}

struct Command {
    line: usize,
    text: String,
    output: Vec<String>,
}

/// README.md, then everything in docs/ by name.
pub fn documents() -> Vec<Document> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = root.join("docs").read_dir().expect("docs/ can be read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("docs/ can be read").file_name())
        .map(|name| format!("docs/{}", name.to_str().expect("a name in UTF-8")))
        .collect();
    names.sort();
    names.insert(0, "README.md".to_owned());
    let read = |name: String| Document {
        text: std::fs::read_to_string(root.join(&name)).expect("a document can be read"),
        name,
    };
    names.into_iter().map(read).collect()
}

/// The blocks to run, and the number of blocks that are not run.
fn blocks(document: &Document) -> (Vec<Block>, usize) {
    let Document { name, text } = document;
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
                commands: commands(name, &inside),
            }),
            Some(why) => {
                let why = why.strip_prefix(" (not run here: ").unwrap_or_default();
                assert!(
                    why.len() > 10,
                    "{name}:{line}: not run, and does not say why"
                );
                not_run += 1;
            }
            None => {}
        }
    }
    (run, not_run)
}

/// The files that a document shows, with their names.
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

fn commands(document: &str, lines: &[(usize, &str)]) -> Vec<Command> {
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
                let command = command.unwrap_or_else(|| panic!("{document}:{line}: no command"));
                command.output.push((*text).to_owned());
            }
        }
    }
    commands
}

/// Whether a line is the one that a document shows; `…` stands for anything.
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
    document: &'a str,
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
        let place = format!("{}:{}: {}", self.document, command.line, command.text);
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

    /// A command and the jobs print exactly the lines shown. The order between them is not promised.
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
                let document = self.document;
                panic!("{document}:{line}: a job printed {line_left:?}, which is not shown");
            }
        }
    }
}

/// The first room of a `sub` or `chat`. An `on` listens to the whole namespace, the room without a name.
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

fn run(document: &Document) {
    let home = tempfile::tempdir().unwrap();
    let database = home.path().join(".local/state/roomcat/roomcat.db");
    let hub = TestHub::at_home(home, &database);
    for (name, content) in files(&document.text) {
        // The commands run in the home folder.
        let path = hub.folder().join(name.trim_start_matches("~/"));
        let folder = path.parent().expect("it lies in a folder");
        std::fs::create_dir_all(folder).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }
    for block in blocks(document).0 {
        let mut terminal = Terminal {
            document: &document.name,
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
fn every_document_does_what_it_says() {
    let documents = documents();
    let (mut shown, mut not_run) = (0, 0);
    for document in &documents {
        let (blocks, others) = blocks(document);
        shown += blocks.len();
        not_run += others;
    }
    assert!(shown > 30 && not_run < 9, "{shown} and {not_run}");
    std::thread::scope(|scope| {
        for document in &documents {
            scope.spawn(|| run(document));
        }
    });
}

/// Every command that a user can type, with those inside other commands: `queue peek`.
fn command_names(command: &clap::Command) -> Vec<String> {
    let mut names = Vec::new();
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let name = inner.get_name();
        names.push(name.to_owned());
        names.extend(command_names(inner).iter().map(|it| format!("{name} {it}")));
    }
    names
}

#[test]
fn the_documents_run_every_command() {
    let run: Vec<String> = documents()
        .iter()
        .flat_map(|document| blocks(document).0)
        .flat_map(|block| block.commands)
        .map(|command| command.text)
        .collect();
    let root = args::command().disable_help_subcommand(true);
    let names = command_names(&root);
    assert!(names.len() > 15, "{names:?}");
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !run.iter().any(|text| calls(text, name)))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not run");
}

/// Whether a line runs that command.
fn calls(line: &str, command: &str) -> bool {
    let call = format!("roomcat {command}");
    let mut ends = line.split(&call).skip(1);
    ends.any(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The first words of the lines of `roomcat --help` that explain exit codes.
fn exit_codes() -> Vec<String> {
    let mut root = args::command();
    let help = root.render_long_help().to_string();
    let (_, codes) = help.split_once("Exit codes:\n").expect("a section");
    let codes = codes.lines().take_while(|line| !line.is_empty());
    let is_code = |c: char| c.is_ascii_digit() || c == ',' || c == ' ';
    codes
        .map(|line| line[..line.find(|c| !is_code(c)).unwrap_or(line.len())].trim())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_documents_explain_every_exit_code() {
    let codes = exit_codes();
    assert!(codes.len() > 7, "{codes:?}");
    let documents = documents();
    for code in codes {
        let row = format!("| {code} |");
        let shown = documents.iter().any(|it| it.text.contains(&row));
        assert!(shown, "no document has a row for exit code {code}");
    }
}

#[test]
fn the_runner_of_documents_can_tell_right_from_wrong() {
    assert!(matches("a…c", "abc") && matches("a…", "a") && matches("…", "") && matches("x", "x"));
    assert!(!matches("a…c", "ab") && !matches("x", "xy") && !matches("a…b…c", "acb"));
    let (run, not_run) = blocks(&Document {
        name: "a.md".to_owned(),
        text: "```sh\n$ a &\n$ b\nout\n```\n```text\n$ c\n```\n```sh (not run here: it is too long)\n$ d\n```\n"
            .to_owned(),
    });
    assert_eq!((run.len(), not_run), (1, 1));
    let shown = files("```toml a.toml\nx = 1\ny = 2\n```\n```sh (no file)\n```\n```js\n```\n");
    assert_eq!(shown, [("a.toml", "x = 1\ny = 2".to_owned())]);
    assert_eq!(run[0].commands[1].output, ["out"]);
    assert_eq!(listens_in("roomcat pub dev"), None);
    assert_eq!(listens_in("roomcat sub dev ops -n 2"), Some("dev"));
    assert_eq!(listens_in("roomcat on dev"), Some(""));
    assert!(calls("roomcat sub a | roomcat pub b", "pub"));
    assert!(calls("roomcat queue peek crew", "queue peek"));
    assert!(!calls("roomcat publish b", "pub") && !calls("echo pub", "pub"));
}
