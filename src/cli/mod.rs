//! The command line.

pub mod stdin;
