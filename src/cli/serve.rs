//! (being built)

use super::args::{Global, ServeArgs};
use super::failure::Failure;

pub fn run(_args: &ServeArgs, _global: &Global) -> Result<(), Failure> {
    Err(Failure::other("serve is being built"))
}
