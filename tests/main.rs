//! The integration tests, in one binary: it links once.

mod demo;
mod crash;
mod exits;
mod faults;
mod fuzz_corpus;
mod harness;
mod house;
mod members;
mod pipe;
mod protocol;
mod random;
mod raw;
mod readme;
mod slow;
mod store;
mod wire_golden;
