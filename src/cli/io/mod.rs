//! Stdin, stdout, arguments and signals.

pub mod arguments;
pub mod batches;
pub mod envelope;
pub mod secret;
pub mod signals;
pub mod stdin;
pub mod stdout;
