//! Names from a hub, within a deadline short enough for a user who waits at the prompt.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::client::verbs::VerbRequest;
use crate::client::verbs::who::{WhoRequest, WhoResponse};
use crate::client::{HubConnection, Target};
use crate::wire::verb::Verb;

/// The arguments of the verb `rooms`.
#[derive(Debug, Serialize)]
pub struct NamesRequest {
    #[serde(rename = "names")]
    pub kind: HubNameKind,
    pub prefix: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HubNameKind {
    Namespaces,
    Rooms,
    Members,
    /// Connected clients: their names, then their sids. This kind uses the verb `who`.
    #[serde(skip)]
    Sockets,
}

/// Runs on a thread of its own: reading the token file and resolving the host have no timeout. The process exits without
/// waiting for the thread.
pub fn names(
    request: NamesRequest,
    deadline: Instant,
    target: impl FnOnce() -> Option<Target> + Send + 'static,
) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    let spawned = thread::Builder::new().spawn(move || {
        let names = target().and_then(|target| request_names(&request, &target));
        // After the deadline, there is no receiver.
        let _ = sender.send(names);
    });
    match spawned {
        Ok(_) => receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        Err(_) => return Vec::new(),
    }
    .ok()
    .flatten()
    .unwrap_or_default()
}

#[derive(Deserialize)]
pub struct NamesResponse {
    names: Vec<String>,
}

impl VerbRequest for NamesRequest {
    const VERB: Verb = Verb::Rooms;
    type Response = NamesResponse;
}

fn request_names(request: &NamesRequest, target: &Target) -> Option<Vec<String>> {
    let runtime = crate::cli::runtime::new_runtime().ok()?;
    let names = runtime.block_on(async {
        let mut connection = HubConnection::open(target).await.ok()?;
        if let HubNameKind::Sockets = request.kind {
            let who = connection.request(target, &WhoRequest::default()).await;
            return Some(names_then_sids(&who.ok()?, &request.prefix));
        }
        Some(connection.request(target, request).await.ok()?.names)
    });
    // A pending DNS lookup would block the shutdown.
    runtime.shutdown_background();
    // Control characters cannot be typed.
    let typeable = |name: &String| !name.contains(char::is_control);
    Some(names?.into_iter().filter(typeable).collect())
}

/// The distinct names of other clients, then their sids.
fn names_then_sids(response: &WhoResponse, prefix: &str) -> Vec<String> {
    let others = response.sockets.iter().filter(|socket| !socket.you);
    let mut names: Vec<String> = others
        .clone()
        .filter_map(|socket| Some(socket.name.as_ref()?.to_string()))
        .collect();
    names.dedup();
    names.extend(others.map(|socket| socket.sid.clone()));
    names.retain(|name| name.starts_with(prefix));
    names
}
