//! The flags of every command that connects to a server.

use clap::Args;

use super::values::{self, AuthText};
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};

/// How to connect, apart from the URL. Only for clients; `serve` does not take these flags.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct Remote {
    /// Add a header to the request that opens the connection, as in --header 'Authorization: Bearer x'; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", value_parser = HttpHeader::parse)]
    pub header: Vec<HttpHeader>,

    /// Add a query parameter to that request; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = QueryParameter::parse)]
    pub query: Vec<QueryParameter>,

    /// The path of Engine.IO on the server [default: /socket.io/]
    #[arg(long, value_name = "PATH", value_parser = EnginePath::parse)]
    pub path: Option<EnginePath>,

    /// Auth data for the server, a JSON object; @FILE reads it from a file
    #[arg(long, value_name = "JSON|@FILE", value_parser = values::auth)]
    pub auth: Option<AuthText>,

    /// Show each frame on stderr (→ sent, ← received) and explain its parts; secrets are masked
    #[arg(long, help_heading = "Output")]
    pub trace: bool,
}
