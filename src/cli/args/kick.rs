//! The flags of `kick`.

use clap::Args;

use super::remote::Remote;

/// Disconnect a client
///
/// A sid names one socket; a client name names all sockets with that name in the namespace. A kicked `roomcat` exits with
/// code 4 and does not reconnect. A kicked Socket.IO client gets "io server disconnect". A kicked client may connect again:
/// to keep it out, change the token. On a hub with tokens, the token must allow both publishing and subscribing, and must
/// not be bound to one client name. With --as NAME, the kicked client learns who kicked it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat kick bob --as teacher\n  roomcat kick --namespace /admin web1"
)]
pub struct KickArgs {
    /// A sid as `roomcat who` shows it, or a client name
    #[arg(value_name = "SID|NAME")]
    pub target: String,

    #[command(flatten)]
    pub remote: Remote,
}
