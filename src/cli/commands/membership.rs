//! `join` and `leave`: change the rooms that a client name is a member of.

use crate::address::{Address, RoomName};
use crate::cli::args::remote::Remote;
use crate::cli::failure::Failure;
use crate::cli::remote::ask::ask;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::verbs::membership::{JoinRequest, LeaveRequest};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipChange {
    Join,
    Leave,
}

impl MembershipChange {
    fn verb(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }

    fn result(self) -> &'static str {
        match self {
            Self::Join => "is a member of",
            Self::Leave => "is not a member of",
        }
    }
}

pub async fn run(
    change: MembershipChange,
    rooms: &[Address],
    remote: &Remote,
    global: &Global,
) -> Result<(), Failure> {
    let verb = change.verb();
    let Some(name) = &global.name else {
        return Err(Failure::Usage(format!(
            "{verb} needs a client name: add --as NAME"
        )));
    };
    let (target, rooms) = resolve_target(global, remote, rooms)?;
    match change {
        MembershipChange::Join => ask(&target, &JoinRequest(&rooms)).await?,
        MembershipChange::Leave => ask(&target, &LeaveRequest(&rooms)).await?,
    };
    let rooms: Vec<&str> = rooms.iter().map(RoomName::as_str).collect();
    term::detail(format!("{name} {} {}", change.result(), rooms.join(", ")));
    Ok(())
}
