//! What hub.toml declares of a namespace, as clients meet it.

mod asking;
mod entering;
mod rate;
mod reactions;
