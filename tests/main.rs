//! The integration tests, in one binary.

mod demo;
mod exits;
mod fuzz_corpus;
mod harness;
mod house;
mod members;
mod pipe;
mod protocol;
mod random;
mod raw;
mod readme;
mod store;
mod wire_golden;
