//! The integration tests, in one binary.

mod fuzz_corpus;
mod wire_golden;
