//! `join` and `leave`: durable membership of a client name, and nothing else.

use crate::address::{Address, RoomName};
use crate::cli::args::remote::Remote;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::membership::{JoinRequest, LeaveRequest};

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

    fn done(self) -> &'static str {
        match self {
            Self::Join => "is a member of",
            Self::Leave => "is no member of",
        }
    }
}

pub async fn run(
    change: Change,
    rooms: &[Address],
    remote: &Remote,
    global: &Global,
) -> Result<(), Failure> {
    let verb = change.verb();
    let Some(name) = &global.name else {
        return Err(Failure::Usage(format!(
            "{verb} is for a client name: give one with --as NAME"
        )));
    };
    let (target, rooms) = target(global, remote, rooms)?;
    match change {
        Change::Join => ask(&target, &JoinRequest(&rooms)).await?,
        Change::Leave => ask(&target, &LeaveRequest(&rooms)).await?,
    };
    let rooms: Vec<&str> = rooms.iter().map(RoomName::as_str).collect();
    term::detail(format!("{name} {} {}", change.done(), rooms.join(", ")));
    Ok(())
}
