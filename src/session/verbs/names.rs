//! `["rooms", {"names": "rooms" | "members" | "namespaces", "prefix"?}]`, for the completions of a shell:
//! `{"ok": true, "names": […]}`, sorted, at most `limits::NAMES_LISTED`.
//!
//! Everyone in a namespace may see its rooms and members. Of other namespaces a client sees only those that its token
//! opens too.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use crate::address::Namespace;
use crate::session::services::Services;
use crate::session::socket::query::QueryResult;
use crate::session::state::Session;
use crate::store::StoreError;
use crate::store::names::{NameKind, NameQuery};

/// The hub listed the names in use now; the store adds those that it keeps.
pub fn read_store(
    session: &mut Session,
    index: usize,
    ack_id: Option<u64>,
    query: NameQuery,
    live: Vec<String>,
) {
    let socket = &mut session.sockets[index];
    let scope = VisibleNames {
        namespace: socket.namespace.clone(),
        // A token of this namespace opens no other.
        only_this_namespace: !socket.permissions.rules.grants.is_empty(),
    };
    let services = Arc::clone(&session.services);
    socket.query_store(ack_id, list(services, scope, query, live));
}

/// The names that a client may see.
struct VisibleNames {
    namespace: Namespace,
    only_this_namespace: bool,
}

impl VisibleNames {
    fn includes(&self, services: &Services, name: &str) -> bool {
        if self.only_this_namespace {
            return name == self.namespace.as_str();
        }
        let settings = &services.settings;
        let namespace = Namespace::parse(name).ok();
        let rules = namespace.and_then(|namespace| settings.namespaces.rules(&namespace).cloned());
        // A namespace with its own tokens opens only for those, and for the hub's token if there is one.
        rules.is_some_and(|rules| rules.grants.is_empty() || settings.token.is_some())
    }
}

async fn list(
    services: Arc<Services>,
    scope: VisibleNames,
    query: NameQuery,
    live: Vec<String>,
) -> Result<QueryResult, StoreError> {
    let (namespace, wanted) = (scope.namespace.clone(), query.clone());
    let stored = services
        .readers
        .run(move |store| store.names(&namespace, &wanted))
        .await?;
    let mut all: BTreeSet<String> = live.into_iter().chain(stored).collect();
    if query.kind == NameKind::Namespaces {
        let tables = services.settings.namespaces.tables().iter();
        let declared = tables.filter_map(|(pattern, _)| pattern.fixed());
        all.extend(declared.map(|namespace| namespace.to_string()));
        all.retain(|name| scope.includes(&services, name));
    }
    let names = query.select(all.iter().map(String::as_str));
    Ok(QueryResult::Answer(json!({"ok": true, "names": names})))
}
