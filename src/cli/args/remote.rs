//! Flags of every command that speaks to a server: how it is reached, what it is told, and what is shown of that.

use clap::Args;

use super::values::{self, AuthText};
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};

/// Beside the URL; only for clients, so `serve` does not know them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct Remote {
    /// A header of the request that opens the connection, as in --header 'Authorization: Bearer x'; repeatable
    #[arg(long, value_name = "'NAME: VALUE'", value_parser = HttpHeader::parse)]
    pub header: Vec<HttpHeader>,

    /// A parameter of that request's query; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = QueryParameter::parse)]
    pub query: Vec<QueryParameter>,

    /// The path of Engine.IO on that server [default: /socket.io/]
    #[arg(long, value_name = "PATH", value_parser = EnginePath::parse)]
    pub path: Option<EnginePath>,

    /// What the server is told of who connects, a JSON object; @FILE reads it from a file
    #[arg(long, value_name = "JSON|@FILE", value_parser = values::auth)]
    pub auth: Option<AuthText>,

    /// Show each frame on stderr: → sent, ← received, and what every part of it means; secrets are masked
    #[arg(long, help_heading = "Output")]
    pub trace: bool,
}
