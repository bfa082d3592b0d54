//! The flags of `serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{self, Database, KeepFor};
use crate::server::accept::listener::ListenAddress;

/// Run a hub
///
/// Publishers and subscribers meet here; what is published is in the database before anyone is handed it. Says on
/// stderr who comes and goes.
///
/// With --config a file declares namespaces: their tokens, what becomes of their events, and their programs. The flags
/// here, all but --trace, may stand there too, without the dashes in front (`ping-interval = "25s"`); a flag wins over the
/// file.
#[derive(Debug, Default, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat serve --listen 0.0.0.0:7666 --token-file token --db rooms.db\n  roomcat serve --static . --recovery 2m\n  roomcat serve --config hub.toml --check-config"
)]
pub struct ServeArgs {
    /// A hub.toml: namespaces, and values for the flags that are not given [env: ROOMCAT_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Only say what is wrong in the file, each mistake with its line (then exit code 2), or what it declares
    #[arg(long)]
    pub check_config: bool,

    /// Where to listen, `unix:/path` for a Unix socket; repeatable [default: 127.0.0.1:7666]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<ListenAddress>,

    /// The database, `:memory:` for none [default: roomcat/roomcat.db in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "PATH", value_parser = values::database)]
    pub db: Option<Database>,

    /// Let anyone in, without a token, on addresses other than loopback
    #[arg(long)]
    pub open: bool,

    /// A further name under which browsers may reach this hub; repeatable
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// A folder whose files are served to browsers, as a page that talks to this hub
    #[arg(long = "static", value_name = "DIR")]
    pub static_dir: Option<PathBuf>,

    /// The largest message, 64MiB at most [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::message_size)]
    pub max_message: Option<usize>,

    /// The largest request of HTTP long-polling [default: what the largest message takes as base64]
    #[arg(long, value_name = "SIZE", value_parser = values::payload_size)]
    pub max_payload: Option<usize>,

    /// How much history is kept for everyone; 0 for none [default: 1h/1GiB]
    #[arg(long, value_name = "AGE/SIZE", value_parser = values::keep)]
    pub keep: Option<KeepFor>,

    /// How much is kept for members that still have to get it [default: 7d/10GiB]
    ///
    /// Messages that wait for their time (pub --delay) may take a quarter of it.
    #[arg(long, value_name = "AGE/SIZE", value_parser = values::keep)]
    pub keep_pending: Option<KeepFor>,

    /// For so long a Socket.IO client that lost its connection may come back to its rooms and what it missed [default: off]
    #[arg(long, value_name = "DURATION", value_parser = values::some_duration)]
    pub recovery: Option<Duration>,

    /// How often a connection is asked whether it is alive [default: 25s]
    #[arg(long, value_name = "DURATION", value_parser = values::some_duration)]
    pub ping_interval: Option<Duration>,

    /// How long the answer to that may take [default: 20s]
    #[arg(long, value_name = "DURATION", value_parser = values::some_duration)]
    pub ping_timeout: Option<Duration>,

    /// How long a connection may stay without entering a namespace [default: 45s]
    #[arg(long, value_name = "DURATION", value_parser = values::some_duration)]
    pub connect_timeout: Option<Duration>,

    /// Show each frame on stderr: → sent, ← received, and what every part of it means; secrets are masked
    #[arg(long)]
    pub trace: bool,
}
