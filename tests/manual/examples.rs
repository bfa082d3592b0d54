//! Runs every example of the manual. The files that an example names exist, a command that listens gets one message and
//! ends with it, and every command must succeed.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::pages::examples;
use crate::harness::{Cmd, Running, TestHub, wait_until};
use crate::readme::listens_in;

/// Examples that are not run here: tests/demo.rs runs the lessons, and the test starts its own hub.
const NOT_RUN: [&str; 2] = ["roomcat demo", "roomcat serve &"];

/// Fills a home folder with the files that examples name.
fn fill_home(home: &Path) {
    for folder in [
        ".local/share/bash-completion/completions",
        ".zfunc",
        ".config/fish/completions",
        ".config/roomcat",
        "bin",
        "docs",
    ] {
        fs::create_dir_all(home.join(folder)).expect("a folder");
    }
    for (file, text) in [
        ("log", "one\n"),
        ("build.log", "one\n"),
        ("test.log", "two\n"),
        ("photo.jpg", "\u{1}\u{2}"),
        ("token", "secret\n"),
        (
            ".config/roomcat/config.toml",
            "[hubs.school]\nurl = \"ws://127.0.0.1:1\"\n",
        ),
        ("hub.toml", "[namespaces.\"/\"]\n"),
        ("bin/make", "#!/bin/sh\necho made\n"),
        ("restart", "#!/bin/sh\n"),
        ("start", "#!/bin/sh\n"),
        ("convert", "#!/bin/sh\n"),
    ] {
        fs::write(home.join(file), text).expect("a file");
    }
    let programs = Cmd::shell("chmod +x bin/* restart start convert").directory(home);
    programs.check();
}

/// The example changed so that it ends by itself and uses only the hub of this test.
fn adapt(example: &str, hub: &TestHub) -> String {
    let here = hub.url().replace("ws://", "http://");
    let mut text = example
        .trim_end_matches(" &")
        .replace("https://example.com", &here)
        .replace(":7666", ":0")
        .replace("tail -f ", "cat ")
        .replace("roomcat chat ", "roomcat chat --eof ");
    for listens in ["sub", "on"] {
        let call = format!("roomcat {listens} ");
        if !text.contains(" -n") {
            text = text.replace(&call, &format!("{call}-n 1 "));
        }
    }
    if text.contains(" --watch") {
        text += " | head -n 1";
    }
    // The usual port may be another hub's.
    if text.starts_with("roomcat serve ") && !text.contains(" --listen ") {
        text += " --listen 127.0.0.1:0";
    }
    text
}

struct Home<'a> {
    hub: &'a TestHub,
}

impl Home<'_> {
    fn start(&self, script: &str) -> Running {
        let bin = self.hub.folder().join("bin");
        let script = format!("PATH={}:$PATH; {script}", bin.display());
        Cmd::shell(&script)
            .env("ROOMCAT_URL", self.hub.url())
            .env("HOME", self.hub.folder())
            .env("XDG_CONFIG_HOME", self.hub.folder().join(".config"))
            .directory(self.hub.folder())
            .spawn_closed()
    }

    fn runs(&self, example: &str) {
        let text = adapt(example, self.hub);
        let kicked = self.victims(example);
        if text.starts_with("roomcat serve ") && !text.contains("--check-config") {
            let running = self.start(&format!("exec {text}"));
            running.wait_for_stderr("listening on ");
            running.signal(Signal::TERM);
            return assert_eq!(running.wait().status, 0, "{example}");
        }
        let mut running = self.start(&text);
        let mut is_sent = false;
        wait_until(example, || {
            is_sent = is_sent || self.send_message(&text);
            !running.is_alive()
        });
        let outcome = running.wait();
        assert_eq!(outcome.status, 0, "{example}\n{}", outcome.stderr());
        for victim in kicked {
            victim.signal(Signal::TERM);
            victim.wait();
        }
    }

    /// Connects the clients that an example kicks.
    fn victims(&self, example: &str) -> Vec<Running> {
        if !example.starts_with("roomcat kick ") {
            return Vec::new();
        }
        let victims = [("/", "bob"), ("/admin", "web1")].map(|(namespace, name)| {
            let words = ["--namespace", namespace, "sub", "stage", "--as", name];
            let victim = self.hub.cmd(&words).spawn();
            wait_until("the client to kick is connected", || {
                let there = self.hub.room_in(namespace, "stage");
                there.is_some_and(|room| room["sockets"] == 1)
            });
            victim
        });
        victims.into()
    }

    /// Sends a message to the command that listens; false if none listens yet.
    fn send_message(&self, text: &str) -> bool {
        let url = format!("{}/admin", self.hub.url());
        if text.contains("roomcat on ") {
            let namespace = if text.contains("/admin") {
                "/admin"
            } else {
                "/"
            };
            let there = self.hub.room_in(namespace, "");
            if there.is_none_or(|room| room["sockets"] == 0) {
                return false;
            }
            let url = if namespace == "/" {
                self.hub.url()
            } else {
                &url
            };
            for event in ["chat message", "ready"] {
                self.hub.cmd(&["emit", "-u", url, event, "hi"]).check();
            }
            return true;
        }
        let Some(room) = text
            .split(" | ")
            .find_map(listens_in)
            .filter(|_| text.contains("roomcat sub "))
        else {
            return true;
        };
        // The first word after the inserted `-n 1`.
        let room = text
            .split_once("roomcat sub -n 1 ")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .unwrap_or(room);
        let there = self.hub.room(room);
        if there.is_none_or(|it| it["sockets"] == 0) {
            return false;
        }
        self.hub.publish(room, "hi\n");
        true
    }
}

#[test]
fn every_example_runs() {
    let hub = TestHub::start();
    fill_home(hub.folder());
    for room in ["files", "ci", "dead"] {
        hub.cmd(&["join", room, "--as", "someone"]).check();
    }
    // `sub --stream` receives what `pub --stream` has sent.
    hub.cmd(&["join", "box", "--as", "laptop"]).check();
    // Every request gets a reply.
    let answering: Vec<Running> = ["clock", "workers", "workers", "workers"]
        .map(|room| hub.cmd(&["sub", room, "-x", "date", "--reply"]).spawn())
        .into();
    hub.wait_for_sockets("clock", 1);
    hub.wait_for_sockets("workers", 3);
    let home = Home { hub: &hub };
    let mut run = 0;
    for example in examples() {
        if !NOT_RUN.iter().any(|it| example.starts_with(it)) {
            home.runs(&example);
            run += 1;
        }
    }
    assert!(run > 20, "{run}");
    for responder in answering {
        responder.signal(Signal::TERM);
        responder.wait();
    }
}
