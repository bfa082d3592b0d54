//! The commands, a file or folder each, and what several of them share: `exec`, `listing`, `stream` and `watch`.

pub(crate) mod chat;
pub mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod emit;
pub(crate) mod exec;
pub(crate) mod kick;
pub(crate) mod listing;
pub(crate) mod membership;
pub(crate) mod on;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod request;
pub(crate) mod rooms;
pub(crate) mod serve;
pub(crate) mod stream;
pub(crate) mod sub;
pub(crate) mod watch;
pub(crate) mod who;
