//! The names that the verb `rooms` tells a shell: those of the hub and those of the store, as far as who asks may know
//! them. Rooms and members of a namespace are known to everyone in it; of other namespaces it is told only those that
//! what let it in here would open as well.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::address::Namespace;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::request::{Request, SocketRequest};
use crate::session::engine::outbox::Submission;
use crate::session::services::Services;
use crate::session::socket::catchup::LogRead;
use crate::session::state::Session;

use crate::store::StoreError;
use crate::store::names::{NameKind, NameQuery};

impl Session {
    /// `["rooms", {"names": "rooms" | "members" | "namespaces", "prefix"?}]`: `{"ok": true, "names": […]}`, sorted, at most
    /// `limits::NAMES_LISTED`.
    pub(crate) fn list_names(&mut self, index: usize, sought: NameQuery, answer: Option<u64>) {
        let request = SocketRequest {
            socket: self.sockets[index].id,
            ack_id: answer,
            kind: Request::Names(sought),
        };
        self.in_flight += 1;
        self.sockets[index].lists_rooms();
        self.outbox
            .push(Submission::Hub(InboxMessage::Core(CoreInput::Rooms(
                request,
            ))));
    }

    pub(crate) fn named(
        &mut self,
        index: usize,
        sought: NameQuery,
        live: Vec<String>,
        answer: Option<u64>,
    ) {
        let socket = &self.sockets[index];
        let scope = Scope {
            namespace: socket.namespace.clone(),
            // A token of this namespace alone opens no other.
            confined: !socket.standing.rules.grants.is_empty(),
        };
        let done = names(Arc::clone(&self.services), scope, sought, live, answer);
        self.sockets[index].ask_store(done);
    }
}

/// What who asks may hear of.
struct Scope {
    namespace: Namespace,
    confined: bool,
}

impl Scope {
    fn may_hear_of(&self, services: &Services, name: &str) -> bool {
        if self.confined {
            return name == self.namespace.as_str();
        }
        let settings = &services.settings;
        let rules = Namespace::parse(name).ok();
        let rules = rules.and_then(|namespace| settings.namespaces.rules(&namespace).cloned());
        // The hub's own token opens those too that have tokens of their own; without one, only theirs do.
        rules.is_some_and(|rules| rules.grants.is_empty() || settings.token.is_some())
    }
}

async fn names(
    services: Arc<Services>,
    scope: Scope,
    sought: NameQuery,
    live: Vec<String>,
    answer: Option<u64>,
) -> Result<LogRead, StoreError> {
    let (namespace, asked) = (scope.namespace.clone(), sought.clone());
    let stored = services
        .readers
        .run(move |store| store.names(&namespace, &asked))
        .await?;
    let mut all: BTreeSet<String> = live.into_iter().chain(stored).collect();
    if sought.kind == NameKind::Namespaces {
        let tables = services.settings.namespaces.tables().iter();
        let declared = tables.filter_map(|(pattern, _)| pattern.fixed());
        all.extend(declared.map(|namespace| namespace.to_string()));
        all.retain(|name| scope.may_hear_of(&services, name));
    }
    let names = sought.select(all.iter().map(String::as_str));
    let body = json!({"ok": true, "names": names});
    Ok(LogRead::Names { answer, body })
}
