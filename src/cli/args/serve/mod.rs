//! `serve`: each setting of a hub is declared once, as the flag and as the key of hub.toml.

pub mod namespaces;
pub mod reactions;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use self::namespaces::NamespaceTables;
use crate::cli::args::scalars;
use crate::cli::args::values::{self, KeepFor};
use crate::cli::toml_file::text::one_or_more;
use crate::server::Database;
use crate::server::accept::listener::ListenAddress;

/// Run a hub
///
/// Publishers and subscribers meet at a hub. A message is in the database before anyone gets it. The hub logs on stderr
/// who connects and who leaves.
///
/// --config names a file that declares namespaces: their tokens, what happens to their events, and their programs. The
/// other flags, all but --check-config and --trace, may stand in that file too, without their dashes
/// (`ping-interval = "25s"`). A flag wins over the file.
// A field with `serde(skip)` is no key of hub.toml, a field with `arg(skip)` is no flag.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
#[command(
    after_long_help = "Examples:\n  roomcat serve --listen 0.0.0.0:7666 --token-file token --db rooms.db\n  roomcat serve --static . --recovery 2m\n  roomcat serve --config hub.toml --check-config"
)]
pub struct ServeArgs {
    /// A hub.toml: namespaces, and values for flags that are not given [env: ROOMCAT_CONFIG]
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Check the file and exit: with 2 and a line for each mistake, or with 0 and what the file declares
    #[arg(long)]
    #[serde(skip)]
    pub check_config: bool,

    /// Where to listen, `unix:/path` for a Unix socket; repeatable [default: 127.0.0.1:7666]
    #[arg(long, value_name = "ADDRESS")]
    #[serde(deserialize_with = "one_or_more")]
    pub listen: Vec<ListenAddress>,

    /// The database, `:memory:` for none [default: roomcat/roomcat.db in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "PATH")]
    pub db: Option<Database>,

    /// The token that opens every namespace; as a flag it belongs to every command.
    #[arg(skip)]
    #[serde(deserialize_with = "scalars::path")]
    pub token_file: Option<PathBuf>,

    /// Let anyone in without a token, on addresses other than loopback too
    #[arg(long)]
    pub open: bool,

    /// One more name under which browsers may reach this hub; repeatable
    #[arg(long, value_name = "NAME")]
    #[serde(deserialize_with = "scalars::host_names")]
    pub host: Vec<String>,

    /// Pages from elsewhere that may connect.
    #[arg(skip)]
    #[serde(deserialize_with = "scalars::origins")]
    pub cors: Vec<String>,

    /// A folder of files for browsers, such as a page that connects to this hub
    #[arg(long = "static", value_name = "DIR")]
    #[serde(rename = "static", deserialize_with = "scalars::path")]
    pub static_dir: Option<PathBuf>,

    /// The path of plain Engine.IO.
    #[arg(skip)]
    #[serde(deserialize_with = "scalars::echo")]
    pub echo: Option<String>,

    /// The largest message, 64MiB at most [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::message_size)]
    #[serde(deserialize_with = "scalars::message_size")]
    pub max_message: Option<usize>,

    /// The largest request of HTTP long-polling [default: the size of the largest message in base64]
    #[arg(long, value_name = "SIZE", value_parser = values::payload_size)]
    #[serde(deserialize_with = "scalars::payload_size")]
    pub max_payload: Option<usize>,

    /// How much history to keep for everyone; 0 for none [default: 1h/1GiB]
    #[arg(long, value_name = "AGE/SIZE", value_parser = values::keep)]
    pub keep: Option<KeepFor>,

    /// How much to keep for members that have yet to get it [default: 7d/10GiB]
    ///
    /// Delayed messages (pub --delay) may take a quarter of it.
    #[arg(long, value_name = "AGE/SIZE", value_parser = values::keep)]
    pub keep_pending: Option<KeepFor>,

    /// How long a Socket.IO client that lost its connection may return to its rooms and get what it missed [default: off]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    #[serde(deserialize_with = "scalars::duration")]
    pub recovery: Option<Duration>,

    /// How often to ping each connection [default: 25s]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    #[serde(deserialize_with = "scalars::duration")]
    pub ping_interval: Option<Duration>,

    /// How long to wait for the answer to a ping [default: 20s]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    #[serde(deserialize_with = "scalars::duration")]
    pub ping_timeout: Option<Duration>,

    /// How long a connection may stay without entering a namespace [default: 45s]
    #[arg(long, value_name = "DURATION", value_parser = values::positive_duration)]
    #[serde(deserialize_with = "scalars::duration")]
    pub connect_timeout: Option<Duration>,

    #[arg(skip)]
    pub namespaces: Option<NamespaceTables>,

    /// Show each frame on stderr: → sent, ← received, and the meaning of every part; secrets are masked
    #[arg(long)]
    #[serde(skip)]
    pub trace: bool,
}
