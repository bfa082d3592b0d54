//! Runs the commands of the demo: a hub in a temporary folder, the processes that take part, and the screen.
//!
//! Knows nothing of the tour and the lessons. Every process ends with the runner, and the folder is removed.

mod context;
mod expectation;
mod pattern;
mod process;
mod screen;
mod stop_flag;
mod temp_folder;
mod text;

use std::process::Stdio;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use self::context::{DemoContext, cannot};
pub use self::expectation::Expectation;
use self::process::DemoProcess;
pub use self::screen::Pacing;
use self::screen::{DemoScreen, POLL_INTERVAL};
pub use self::stop_flag::StopFlag;
use self::temp_folder::TempFolder;
use self::text::{quote, wrap};
use crate::cli::failure::Failure;
use crate::limits;

/// The content of a file, after its name.
pub type DemoFile = (&'static str, &'static str);

/// The hub uses the file with this name as its settings.
const HUB_FILE: &str = "hub.toml";

pub struct Runner {
    // Fields are dropped in this order: the hub ends before its folder is removed.
    hub: DemoProcess,
    _folder: TempFolder,
    url: String,
    context: DemoContext,
}

impl Runner {
    /// Starts a hub in a folder with these files, which is also the folder of every command.
    pub fn start(stop: StopFlag, pacing: Pacing, files: &[DemoFile]) -> Result<Self, Failure> {
        let program = std::env::current_exe();
        let program = program.map_err(|error| cannot("find the roomcat program", &error))?;
        let folder =
            TempFolder::create().map_err(|error| cannot("make a temporary folder", &error))?;
        for (name, content) in files {
            let written = std::fs::write(folder.path.join(name), content);
            written.map_err(|error| cannot("write to a temporary folder", &error))?;
        }
        let context = DemoContext {
            program,
            folder: folder.path.clone(),
            stop,
            screen: DemoScreen::of_stdout(pacing),
            step: "the start of the hub".to_owned(),
        };
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--db", "demo.db"];
        if files.iter().any(|(name, _)| *name == HUB_FILE) {
            arguments.extend(["--config", HUB_FILE]);
        }
        let mut command = context.command(None, &arguments, Stdio::piped());
        let mut hub = DemoProcess::start("hub", &mut command, &context)?;
        let url = loop {
            let line = hub.next_stderr()?;
            let line = line.ok_or_else(|| context.failure("the hub did not start"))?;
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
        };
        Ok(Self {
            hub,
            _folder: folder,
            url,
            context,
        })
    }

    pub fn print_tour_title(&self) {
        self.print(&format!(
            "{}  One hub, {}, and a few users. Every line below is a real command.",
            self.bold("roomcat demo"),
            self.url
        ));
    }

    /// The title of a step of the tour.
    pub fn begin_step(&mut self, number: usize, title: &str) {
        self.context.step = format!("step {number} ({title})");
        self.print(&format!("\n{}", self.bold(&format!("{number}. {title}"))));
    }

    pub fn end_step(&self) -> Result<(), Failure> {
        self.context.pause()
    }

    pub fn print_tour_end(&self) {
        self.print(&format!(
            "\n{} Start a hub of your own with {}, and type {} in another terminal.\nLearn more, command by command: {}.",
            self.bold("That is the tour."),
            self.bold("roomcat serve"),
            self.bold("roomcat chat lobby"),
            self.bold("roomcat demo --list"),
        ));
    }

    /// The title of a lesson and its introduction.
    pub fn begin_lesson(&mut self, number: usize, title: &str, introduction: &str) {
        self.context.step = format!("lesson {number} ({title})");
        self.print(&self.bold(&format!("Lesson {number}: {title}")));
        self.print(&wrap(introduction));
        if self.context.screen.waits_for_enter() {
            self.print_note("Press Enter to run the command in the last line.");
        }
        self.print("");
    }

    /// The end of a lesson.
    pub fn print_summary(&self, summary: &str) {
        let heading = self.bold("What you saw");
        self.print(&format!("\n{heading}\n{}", wrap(summary)));
    }

    /// Prints one of the files.
    pub fn print_file(&self, files: &[DemoFile], wanted: &str) {
        for (name, content) in files.iter().filter(|(name, _)| *name == wanted) {
            self.print(&format!("        {}", self.bold(name)));
            for line in content.lines() {
                self.print(&format!("        │ {line}"));
            }
        }
    }

    pub fn print_note(&self, text: &str) {
        self.context.show_note(text);
    }

    pub fn hub(&mut self) -> &mut DemoProcess {
        &mut self.hub
    }

    /// Starts a process that takes part under a name until it is dropped.
    pub fn start_process(
        &self,
        name: &'static str,
        arguments: &[&str],
    ) -> Result<DemoProcess, Failure> {
        self.context.prompt(&format!(
            "{} $ {}",
            self.context.screen.name(name),
            self.bold(&format!("roomcat {}", quote(arguments)))
        ))?;
        self.context.pause()?;
        self.spawn(name, arguments)
    }

    /// Runs a command, which must exit with 0.
    pub fn run(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.run_to_end(&[], arguments).map(drop)
    }

    /// [`Self::run`], with these lines on stdin.
    pub fn run_with_stdin(&self, lines: &[&str], arguments: &[&str]) -> Result<(), Failure> {
        self.run_to_end(lines, arguments).map(drop)
    }

    /// [`Self::run`], and shows the command's stdout.
    pub fn run_and_show(&self, arguments: &[&str]) -> Result<(), Failure> {
        for line in self.run_to_end(&[], arguments)? {
            self.context.show_output(&line);
        }
        self.context.pause()
    }

    /// Runs a command and shows and checks its output.
    pub fn run_and_check(
        &self,
        arguments: &[&str],
        expectation: &Expectation<'_>,
    ) -> Result<(), Failure> {
        self.prompt_command(expectation.stdin, arguments)?;
        let (context, url) = (&self.context, Some(&*self.url));
        let mut command = context.command(url, arguments, Stdio::piped());
        let process = DemoProcess::start("", &mut command, context)?;
        expectation.check(process, context)?;
        context.pause()
    }

    fn run_to_end(&self, lines: &[&str], arguments: &[&str]) -> Result<Vec<String>, Failure> {
        self.prompt_command(lines, arguments)?;
        let mut process = self.spawn("", arguments)?;
        for line in lines {
            process.write_line(line)?;
        }
        process.close_stdin();
        let stdout = process.read_stdout()?;
        process.expect_exit()?;
        self.context.pause()?;
        Ok(stdout)
    }

    fn prompt_command(&self, stdin: &[&str], arguments: &[&str]) -> Result<(), Failure> {
        let input = match stdin {
            [] => String::new(),
            lines => format!("printf '%s\\n' {} | ", quote(lines)),
        };
        let command = self.bold(&format!("{input}roomcat {}", quote(arguments)));
        self.context.prompt(&format!("      $ {command}"))
    }

    /// Waits until a room has this many sockets.
    pub fn wait_for_sockets(&self, namespace: &str, room: &str, count: u64) -> Result<(), Failure> {
        let deadline = Instant::now() + limits::DEMO_TIMEOUT;
        while self.room(namespace, room)?["sockets"] != count {
            if Instant::now() > deadline {
                return Err(self.failure(&format!("the room {room} did not get {count} sockets")));
            }
            self.context.check()?;
            thread::park_timeout(POLL_INTERVAL);
        }
        Ok(())
    }

    /// The object that `rooms --json` prints for a room; null if there is none.
    pub fn room(&self, namespace: &str, room: &str) -> Result<Value, Failure> {
        let mut process = self.spawn("", &["rooms", "--json", "--namespace", namespace])?;
        let mut found = Value::Null;
        for line in process.read_stdout()? {
            let object: Value = serde_json::from_str(&line)
                .map_err(|error| self.failure(&format!("rooms --json wrote {line:?}: {error}")))?;
            if object["room"] == room {
                found = object;
            }
        }
        process.expect_exit()?;
        Ok(found)
    }

    pub fn failure(&self, reason: &str) -> Failure {
        self.context.failure(reason)
    }

    /// With `--trace`, the demo reads the process's stderr; otherwise the user sees it.
    fn spawn(&self, name: &'static str, arguments: &[&str]) -> Result<DemoProcess, Failure> {
        let stderr = if arguments.contains(&"--trace") {
            Stdio::piped()
        } else {
            Stdio::inherit()
        };
        let context = &self.context;
        let mut command = context.command(Some(&self.url), arguments, stderr);
        DemoProcess::start(name, &mut command, context)
    }

    fn print(&self, line: &str) {
        self.context.screen.print(line);
    }

    fn bold(&self, text: &str) -> String {
        self.context.screen.bold(text)
    }
}
