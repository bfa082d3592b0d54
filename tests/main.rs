//! The integration tests, in one binary.

mod crash;
mod demo;
mod differential;
mod exits;
mod faults;
mod foreign;
mod fuzz_corpus;
mod harness;
mod house;
mod members;
mod peers;
mod pipe;
mod policy;
mod protocol;
mod random;
mod raw;
mod readme;
mod slow;
mod store;
mod wire_golden;
