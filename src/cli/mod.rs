//! The command line.

pub mod stdin;
pub mod stdout;
pub mod term;
