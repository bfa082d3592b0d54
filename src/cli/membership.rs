//! `join` and `leave`: durable membership of a client name, and nothing else.

use super::args::Global;
use super::failure::Failure;
use super::target::target;
use super::{ask, term};
use crate::address::Address;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Join,
    Leave,
}

impl Change {
    fn verb(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }
}

pub async fn run(change: Change, rooms: &[Address], global: &Global) -> Result<(), Failure> {
    let verb = change.verb();
    let Some(name) = &global.name else {
        return Err(Failure::Usage(format!(
            "{verb} is for a client name: give one with --as NAME"
        )));
    };
    let (target, rooms) = target(global, rooms)?;
    let rooms = serde_json::to_string(&rooms).expect("names are JSON");
    ask::ask(&target, verb, &rooms).await?;
    term::detail(format!("{name}: {verb} {rooms} done"));
    Ok(())
}
