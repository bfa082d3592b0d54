//! What hub.toml declares of a namespace, as clients meet it.

mod entering;
mod rate;
mod reactions;
