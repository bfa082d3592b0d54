//! What makes `sub` a worker: a command for each message, and what becomes of those that it does not manage.

use std::num::NonZeroU16;

use clap::Args;

use super::values;
use crate::address::Address;
use crate::limits;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Commands")]
pub struct Script {
    /// Run `sh -c CMD` for each message, its data on stdin; the message is acknowledged when CMD ends with 0
    ///
    /// ROOMCAT_ROOM, ROOMCAT_EVENT, ROOMCAT_FROM, ROOMCAT_SEQ, ROOMCAT_TIME, ROOMCAT_NAMESPACE and ROOMCAT_REPLY say what the
    /// message is; ROOMCAT_URL and, where they are in force, ROOMCAT_HUB and ROOMCAT_TOKEN_FILE say where it came from, so a
    /// `roomcat pub` in CMD goes to the same hub with the same token. What --path, --query, --header and --auth say is not
    /// passed on; what the settings file says of the hub holds in CMD too.
    ///
    /// The data comes as it is, without a newline behind it, unless --json, --format or -0 say otherwise. What CMD prints is
    /// printed. A CMD that ends with 126 or 127 for every message, as one that is mistyped does, ends `sub`, and the
    /// messages stay.
    #[arg(short = 'x', long, value_name = "CMD", value_parser = command)]
    pub exec: Option<String>,

    /// Run up to N commands at once; acknowledged is in order all the same
    ///
    /// With more than one, what each prints is printed whole when it ends.
    #[arg(short = 'j', long, value_name = "N", default_value = "1", requires = "exec", value_parser = jobs)]
    pub jobs: NonZeroU16,

    /// How often a CMD that ends with something else than 0 is tried again, 100 ms later and then ever later
    #[arg(long, value_name = "N", default_value_t = 3, requires = "exec",
          value_parser = values::number(0..=limits::EXEC_RETRIES))]
    pub retries: u32,

    /// Where a message goes that CMD did not manage, with the reason
    #[arg(
        long,
        value_name = "ROOM",
        default_value = "dead",
        requires = "exec",
        value_parser = Address::parse
    )]
    pub dead_letter: Address,

    /// Send what CMD prints, if only nothing, to the reply room of the message, if it has one (see `roomcat request`)
    #[arg(long, requires = "exec")]
    pub reply: bool,
}

/// An empty one would do nothing, and well.
fn command(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a command for sh -c"),
        _ => Ok(text.to_owned()),
    }
}

fn jobs(text: &str) -> Result<NonZeroU16, String> {
    let most = limits::EXEC_JOBS;
    let number: Option<NonZeroU16> = text.parse().ok();
    number
        .filter(|number| u64::from(number.get()) <= most)
        .ok_or_else(|| format!("a number from 1 to {most}"))
}
