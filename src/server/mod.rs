//! The hub as a process: listens, serves HTTP and WebSocket connections, and runs the store's writer, the hub's task and
//! the sessions.

pub mod accept;
mod app_state;
mod clock;
mod cors;
mod delayed;
mod engine_io;
mod error;
mod http;
mod lifecycle;
pub mod origin;
mod polling;
mod response;
mod response_body;
mod routes;
mod site;
mod startup;
mod websocket;

pub use self::error::ServerError;
pub use self::startup::{HubServer, ServerOptions};
pub use crate::session::namespace::policy::{
    AckPayload, EmitAction, EmitTo, HandlerCommand, NamespacePattern, NamespaceRules, Namespaces,
    Reaction, Relay, Right, Rights, TokenGrant,
};
pub use crate::session::namespace::token::Token;
pub use crate::session::settings::HubSettings;
pub use crate::store::Retention;
pub use crate::store::database::Database;
