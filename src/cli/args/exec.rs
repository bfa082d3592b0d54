//! The flags of `sub` that run a command for each message.

use std::num::NonZeroU16;

use clap::Args;

use super::values;
use crate::address::Address;
use crate::limits;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Commands")]
pub struct ExecArgs {
    /// Run `sh -c CMD` for each message, with its data on stdin; acknowledge the message when CMD succeeds
    ///
    /// ROOMCAT_ROOM, ROOMCAT_EVENT, ROOMCAT_FROM, ROOMCAT_SEQ, ROOMCAT_TIME, ROOMCAT_NAMESPACE and ROOMCAT_REPLY describe
    /// the message. ROOMCAT_URL and, if in force, ROOMCAT_HUB and ROOMCAT_TOKEN_FILE name the hub, so `roomcat pub` in CMD
    /// uses the same hub and token. --path, --query, --header and --auth are not passed on; the hub's settings in the
    /// settings file apply in CMD too.
    ///
    /// CMD gets the data unchanged and without a final newline, unless --json, --format or -0 is given. The output of CMD
    /// goes to stdout. If CMD has only ever exited with 126 or 127 (it cannot be run, as after a typing error), `sub` exits
    /// and the messages keep waiting.
    #[arg(id = "exec", short = 'x', long, value_name = "CMD", value_parser = command)]
    pub command: Option<String>,

    /// Run up to N commands at once; messages are still acknowledged in order
    ///
    /// If N is more than 1, the output of each command is printed in one piece when it ends.
    #[arg(short = 'j', long, value_name = "N", default_value = "1", requires = "exec", value_parser = jobs)]
    pub jobs: NonZeroU16,

    /// How many times to retry a CMD that fails, with growing delays from 100 ms
    #[arg(long, value_name = "N", default_value_t = 3, requires = "exec",
          value_parser = values::number(0..=limits::EXEC_RETRIES))]
    pub retries: u32,

    /// The room for messages on which CMD failed, published there with the reason
    #[arg(
        long,
        value_name = "ROOM",
        default_value = "dead",
        requires = "exec",
        value_parser = Address::parse
    )]
    pub dead_letter: Address,

    /// Send the output of CMD, even if empty, to the message's reply room, if it has one (see `roomcat request`)
    #[arg(long, requires = "exec")]
    pub reply: bool,
}

/// `sh -c ''` does nothing and succeeds, so an empty command would acknowledge every message.
fn command(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("a command cannot be empty"),
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
