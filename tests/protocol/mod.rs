//! The hub as a raw Socket.IO client sees it, packet by packet.

mod auth;
mod doors;
mod files;
mod handshake;
mod malformed;
mod mutations;
mod people;
mod polling;
mod publishing;
mod relay;
mod subscriptions;
mod upgrade;
mod verbs;
