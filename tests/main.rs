//! The integration tests, in one binary.

mod exits;
mod fuzz_corpus;
mod harness;
mod house;
mod members;
mod pipe;
mod readme;
mod wire_golden;
