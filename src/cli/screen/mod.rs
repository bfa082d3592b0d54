//! Output for people at a terminal: colours, tables and progress.

pub mod duration;
pub mod names;
pub mod progress;
pub mod quantity;
pub mod table;
pub mod term;
