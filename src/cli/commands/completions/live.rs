//! Names from a hub, in the time that somebody with the finger on the key has: what does not come by then does not come.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::client::verbs::VerbRequest;
use crate::client::verbs::who::{WhoRequest, WhoResponse};
use crate::client::{HubConnection, Target};
use crate::wire::verb::Verb;

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
    /// Those who are connected: their names, and then their sids. Asked by the verb `who`.
    #[serde(skip)]
    People,
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

#[derive(Deserialize)]
pub struct Names {
    names: Vec<String>,
}

impl VerbRequest for Question {
    const VERB: Verb = Verb::Rooms;
    type Response = Names;
}

fn asked(question: &Question, target: &Target) -> Option<Vec<String>> {
    let runtime = crate::cli::runtime::new_runtime().ok()?;
    let names = runtime.block_on(async {
        let mut connection = HubConnection::open(target).await.ok()?;
        if let Kind::People = question.kind {
            let who = connection.request(target, &WhoRequest::default()).await;
            return Some(people(&who.ok()?, &question.prefix));
        }
        Some(connection.request(target, question).await.ok()?.names)
    });
    // A name that is still being resolved would keep the process.
    runtime.shutdown_background();
    // What is shown could not be typed.
    let typeable = |name: &String| !name.contains(char::is_control);
    Some(names?.into_iter().filter(typeable).collect())
}

/// Names once, sids behind them.
fn people(answer: &WhoResponse, prefix: &str) -> Vec<String> {
    let others = answer.sockets.iter().filter(|person| !person.you);
    let mut names: Vec<String> = others
        .clone()
        .filter_map(|person| Some(person.name.as_ref()?.to_string()))
        .collect();
    names.dedup();
    names.extend(others.map(|person| person.sid.clone()));
    names.retain(|name| name.starts_with(prefix));
    names
}
