//! (being built)

use super::args::DemoArgs;
use super::failure::Failure;

pub fn run(_args: &DemoArgs) -> Result<(), Failure> {
    Err(Failure::other("demo is being built"))
}
