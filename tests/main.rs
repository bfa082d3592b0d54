//! The integration tests, in one binary.

mod browser;
mod crash;
mod demo;
mod differential;
mod exits;
mod fanout;
mod faults;
mod foreign;
mod fuzz_corpus;
mod handler;
mod harness;
mod house;
mod http;
mod hubfile;
mod members;
mod peers;
mod pipe;
mod policy;
mod protocol;
mod random;
mod raw;
mod readme;
mod recovery;
mod slow;
mod store;
mod wire_golden;
