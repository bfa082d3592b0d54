//! The flags of `kick`.

use clap::Args;

use super::remote::Remote;

/// Close somebody's connections
///
/// By sid it is one socket, by client name all of that name in the namespace. A `roomcat` that is kicked ends with exit code
/// 4 and does not come back by itself; Socket.IO clients are told "io server disconnect". Nobody is barred: to keep somebody
/// out, change the token. With tokens only those kick that may publish and subscribe, and whose token is not one
/// client's own. --as says by whom.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat kick bob --as teacher\n  roomcat kick --namespace /admin web1"
)]
pub struct KickArgs {
    /// The sid that `roomcat who` shows, or a client name
    #[arg(value_name = "SID|NAME")]
    pub whom: String,

    #[command(flatten)]
    pub remote: Remote,
}
