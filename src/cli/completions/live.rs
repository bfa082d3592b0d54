//! Names from a hub, in the time that somebody with the finger on the key has: what does not come by then does not come.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::client::answers::parse;
use crate::client::{Connection, Target};

/// As the verb `rooms` takes it.
#[derive(Debug, Serialize)]
pub struct Question {
    #[serde(rename = "names")]
    pub kind: Kind,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Namespaces,
    Rooms,
    Members,
}

/// A thread does it all, the reading of a token's file and the look-up of a host included: none of these has a bound of its
/// own, and the process ends without them.
pub fn names(
    question: Question,
    until: Instant,
    target: impl FnOnce() -> Option<Target> + Send + 'static,
) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    let asking = thread::Builder::new().spawn(move || {
        let names = target().and_then(|target| asked(&question, &target));
        // Nobody waits for it any more if it took too long.
        let _ = sender.send(names);
    });
    match asking {
        Ok(_) => receiver.recv_timeout(until.saturating_duration_since(Instant::now())),
        Err(_) => return Vec::new(),
    }
    .ok()
    .flatten()
    .unwrap_or_default()
}

fn asked(question: &Question, target: &Target) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Answer {
        names: Vec<String>,
    }
    let args = serde_json::to_string(question).ok()?;
    let runtime = crate::cli::runtime().ok()?;
    let answer = runtime.block_on(async {
        let mut connection = Connection::open(target).await.ok()?;
        connection.call(target, "rooms", &args).await.ok()?.ok()
    });
    // A name that is still being resolved would keep the process.
    runtime.shutdown_background();
    let Answer { names } = parse("the answer to rooms", &answer?).ok()?;
    // What is shown could not be typed.
    let typeable = |name: &String| !name.contains(char::is_control);
    Some(names.into_iter().filter(typeable).collect())
}
