//! The commands, a file or folder each, and what several of them share: `exec`, `listing`, `stream` and `watch`.

pub mod chat;
pub mod completions;
pub mod config;
pub mod demo;
pub mod emit;
pub mod exec;
pub mod kick;
pub mod listing;
pub mod membership;
pub mod on;
pub mod publish;
pub mod queue;
pub mod request;
pub mod rooms;
pub mod serve;
pub mod stream;
pub mod sub;
pub mod watch;
pub mod who;
