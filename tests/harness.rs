//! The harness of the behaviour tests: a hub for each test on a free port, and `roomcat` commands whose stdout, stderr
//! and status are checked together.
//!
//! Every wait here has a deadline, and none is for a fixed time: a test waits for the condition that it needs.

mod command;
pub mod peers;
mod stream;
mod terminal;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

pub use command::{Cmd, Outcome, Running};
pub use terminal::{Size, Terminal};

/// The longest that any step may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A running hub with its own database. Drop stops it with SIGTERM.
pub struct TestHub {
    running: Option<Running>,
    url: String,
    arguments: Vec<String>,
    around: Around,
    folder: TempDir,
}

/// The environment of the hub's process. Its clients do not get it.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Shell commands before it, such as `ulimit`.
    pub shell: String,
    pub env: Vec<(&'static str, PathBuf)>,
}

impl TestHub {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With more arguments of `serve`. `--listen` and `--db` replace the defaults of the harness.
    pub fn with(arguments: &[&str]) -> Self {
        Self::within(Around::default(), arguments)
    }

    pub fn within(around: Around, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("hub.db");
        Self::start_in(around, folder, &database, arguments)
    }

    /// With a hub.toml in its folder.
    pub fn declared(toml: &str) -> Self {
        Self::declared_with(toml, &[])
    }

    /// With a hub.toml and other files in its folder.
    pub fn declared_with(toml: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in [&[("hub.toml", toml)], files].concat() {
            std::fs::write(folder.path().join(name), text).expect("a file can be written");
        }
        let (config, database) = (folder.path().join("hub.toml"), folder.path().join("hub.db"));
        let arguments = ["--config", config.to_str().expect("a path in UTF-8")];
        Self::start_in(Around::default(), folder, &database, &arguments)
    }

    /// With a database at another path in `folder`, which the hub then owns.
    pub fn at_home(folder: TempDir, database: &Path) -> Self {
        Self::start_in(Around::default(), folder, database, &[])
    }

    fn start_in(around: Around, folder: TempDir, database: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["serve".to_owned()];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        }
        if !arguments.contains(&"--db") {
            all.push("--db".to_owned());
            all.push(database.display().to_string());
        }
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let mut hub = Self {
            running: None,
            url: String::new(),
            arguments: all,
            around,
            folder,
        };
        hub.serve();
        hub
    }

    fn serve(&mut self) {
        let mut cmd = match &self.around.shell[..] {
            "" => Cmd::new(&self.arguments),
            shell => Cmd::shell_with(&format!("{shell}; exec roomcat \"$@\""), &self.arguments),
        };
        for (name, value) in &self.around.env {
            cmd = cmd.env(name, value);
        }
        let running = cmd.spawn();
        let line = running.wait_for_stderr("listening on ");
        let (_, address) = line.split_once("listening on ").expect("just found");
        self.url = address
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        self.running = Some(running);
        // A restart listens on the same port.
        if let Some(port) = self.url.strip_prefix("ws://127.0.0.1:") {
            let listen = format!("127.0.0.1:{port}");
            for argument in &mut self.arguments {
                if argument == "127.0.0.1:0" {
                    argument.clone_from(&listen);
                }
            }
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn pid(&self) -> Pid {
        self.process().pid()
    }

    /// A folder that is deleted with the hub.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("hub.db")
    }

    /// A `roomcat` command for this hub.
    pub fn cmd<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Cmd {
        Cmd::new(arguments).env("ROOMCAT_URL", &self.url)
    }

    /// Publishes lines and waits for their receipt.
    pub fn publish(&self, room: &str, lines: &str) {
        self.cmd(&["pub", room]).stdin(lines).check();
    }

    /// Kills the hub as a power failure would.
    pub fn kill9(&mut self) {
        let running = self.running.take().expect("the hub runs");
        running.signal(Signal::KILL);
        running.wait();
    }

    /// Stops the hub with SIGTERM and checks that it exits with 0.
    pub fn stop(&mut self) {
        let running = self.running.take().expect("the hub runs");
        running.signal(Signal::TERM);
        let ended = running.wait();
        assert_eq!(ended.status, 0, "the hub ended with:\n{}", ended.stderr());
    }

    /// Waits for a hub that ends by itself.
    pub fn ended(&mut self) -> Outcome {
        self.running.take().expect("the hub runs").wait()
    }

    /// Starts the hub again after `stop` or `kill9`, on the same port and database.
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "the hub still runs");
        self.serve();
    }

    pub fn stderr(&self) -> String {
        self.process().stderr_so_far()
    }

    /// Waits for the first line of stderr that contains `pattern`.
    pub fn wait_for_stderr(&self, pattern: &str) -> String {
        self.process().wait_for_stderr(pattern)
    }

    /// The object that `rooms --json` prints for a room of the main namespace.
    pub fn room(&self, room: &str) -> Option<Value> {
        self.room_in("/", room)
    }

    pub fn room_in(&self, namespace: &str, room: &str) -> Option<Value> {
        let rooms = self.cmd(&["rooms", "--json", "--namespace", namespace]);
        let outcome = rooms.run();
        let text = outcome.stdout();
        let objects = text.lines().map(serde_json::from_str);
        objects
            .map(|object| object.expect("rooms --json writes an object a line"))
            .find(|object: &Value| object["room"] == room)
    }

    /// Waits until exactly `sockets` sockets listen in a room.
    pub fn wait_for_sockets(&self, room: &str, sockets: u64) {
        wait_until(&format!("{sockets} sockets in {room}"), || {
            self.room(room)
                .map_or(0, |it| it["sockets"].as_u64().unwrap_or(0))
                == sockets
        });
    }

    /// Waits until a connection of the hub has bytes that the hub has not read. For a hub stopped by SIGSTOP: until a
    /// client has sent something since.
    pub fn wait_for_unread(&self) {
        let (_, port) = self.url.rsplit_once(':').expect("a port");
        let port = format!(":{:04X}", port.parse::<u16>().expect("a port"));
        wait_until("bytes that the hub has not read", || {
            let sockets = std::fs::read_to_string("/proc/net/tcp").expect("Linux has it");
            sockets.lines().any(|socket| {
                // The local address, the remote one, the state (1: established), bytes to send and bytes to read.
                let fields: Vec<&str> = socket.split_whitespace().collect();
                let is_ours = fields[1].ends_with(&port) && fields[3] == "01";
                is_ours && !fields[4].ends_with(":00000000")
            })
        });
    }

    /// Waits until a room holds exactly `messages` messages.
    pub fn wait_for_room_messages(&self, room: &str, messages: u64) {
        wait_until(&format!("{messages} messages in {room}"), || {
            self.room(room).is_some_and(|it| it["messages"] == messages)
        });
    }

    /// The number of messages in a room that wait for a member. None if it is not a member.
    pub fn pending(&self, room: &str, name: &str) -> Option<u64> {
        let room = self.room(room)?;
        let members = room["members"].as_array()?;
        let member = members.iter().find(|member| member["name"] == name)?;
        member["pending"].as_u64()
    }

    fn process(&self) -> &Running {
        self.running.as_ref().expect("the hub runs")
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        if thread::panicking() {
            eprintln!("stderr of the hub:\n{}", running.stderr_so_far());
            return;
        }
        running.signal(Signal::TERM);
        running.wait();
    }
}

/// Waits until a condition holds. `what` names the condition in the failure.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out waiting for: {what}");
        pause();
    }
}

/// The pause between two checks of a condition that cannot be waited on.
fn pause() {
    thread::park_timeout(Duration::from_millis(2));
}
