//! The types that config.toml and hub.toml write as a string or a number, with their parsers: one line a type.

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::values::{self, KeepFor};
use crate::address::{EventName, NameError, Namespace};
use crate::cli::screen::term::ColorChoice;
use crate::cli::toml_file::text::{one_or_more, quantity, text};
use crate::client::HubUrl;
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};
use crate::limits;
use crate::server::accept::listener::ListenAddress;
use crate::server::{Database, EmitTo, NamespacePattern, Relay, Right};

macro_rules! written_as {
    ($($read:ident $type:ty: $parse:expr;)+) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer, $parse)
            }
        })+
    };
}

written_as! {
    text ColorChoice: color;
    text Database: |text| text.parse::<Database>();
    text EmitTo: emit_to;
    text EnginePath: EnginePath::parse;
    text HubUrl: HubUrl::parse;
    text HttpHeader: HttpHeader::parse;
    text ListenAddress: |text| text.parse::<ListenAddress>();
    text QueryParameter: QueryParameter::parse;
    text NamespacePattern: pattern;
    text Relay: relay;
    text Right: right;
    text ShellCommand: command;
    text DeclaredEvent: event_name;
    text HostName: host_name;
    text CorsOrigin: origin;
    text Secret: secret;
    quantity KeepFor: values::keep;
}

/// A token as a file writes it.
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A command line for the shell.
#[derive(Debug)]
pub struct ShellCommand(pub String);

/// An event for which something is declared, `connect` and `disconnect` among them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclaredEvent(pub String);

struct HostName(String);
struct CorsOrigin(String);

pub fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    text(deserializer, |text| Ok::<_, Infallible>(Some(text.into())))
}

pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    quantity(deserializer, |text| {
        values::positive_duration(text).map(Some)
    })
}

pub fn message_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    quantity(deserializer, |text| values::message_size(text).map(Some))
}

pub fn payload_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    quantity(deserializer, |text| values::payload_size(text).map(Some))
}

pub fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU32>, D::Error> {
    let what = "a rate is a whole number of messages a second, at least 1";
    quantity(deserializer, |text| {
        text.parse().map(Some).map_err(|_| what)
    })
}

pub fn echo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer, echo_path)
}

pub fn host_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names: Vec<HostName> = one_or_more(deserializer)?;
    Ok(names.into_iter().map(|name| name.0).collect())
}

pub fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins: Vec<CorsOrigin> = one_or_more(deserializer)?;
    Ok(origins.into_iter().map(|origin| origin.0).collect())
}

fn color(text: &str) -> Result<ColorChoice, &'static str> {
    match text {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        _ => Err("there are auto, always and never"),
    }
}

fn relay(text: &str) -> Result<Relay, &'static str> {
    match text {
        "all" => Ok(Relay::All),
        "others" => Ok(Relay::Others),
        "off" => Ok(Relay::Off),
        _ => Err("\"all\", \"others\" or \"off\" belongs here"),
    }
}

fn emit_to(text: &str) -> Result<EmitTo, &'static str> {
    match text {
        "sender" => Ok(EmitTo::Sender),
        "all" => Ok(EmitTo::All),
        "others" => Ok(EmitTo::Others),
        _ => Err("\"sender\", \"all\" or \"others\" belongs here"),
    }
}

fn right(text: &str) -> Result<Right, &'static str> {
    match text {
        "pub" => Ok(Right::Pub),
        "sub" => Ok(Right::Sub),
        _ => Err("\"pub\" or \"sub\" belongs here"),
    }
}

fn pattern(text: &str) -> Result<NamespacePattern, String> {
    if !text.contains('*') {
        Namespace::parse(text).map_err(|error| error.to_string())?;
    }
    NamespacePattern::parse(text).map_err(|error| error.to_string())
}

fn event_name(text: &str) -> Result<DeclaredEvent, NameError> {
    if !matches!(text, "connect" | "disconnect") {
        EventName::parse(text)?;
    }
    Ok(DeclaredEvent(text.to_owned()))
}

fn command(text: &str) -> Result<ShellCommand, &'static str> {
    match text {
        text if text.trim().is_empty() => Err("a command cannot be empty"),
        text if text.contains('\0') => Err("a command cannot contain NUL"),
        text => Ok(ShellCommand(text.to_owned())),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    match text {
        "" => Err("an empty token keeps nobody out".to_owned()),
        long if long.len() > limits::TOKEN_BYTES => {
            Err(format!("a token has at most {} bytes", limits::TOKEN_BYTES))
        }
        text => Ok(Secret(text.to_owned())),
    }
}

fn host_name(text: &str) -> Result<HostName, &'static str> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ',' | '*');
    match text {
        "" => Err("a name cannot be empty"),
        text if text.contains(is_odd) => Err("a name is as browsers know it: hub.school.example"),
        text => Ok(HostName(text.to_owned())),
    }
}

/// As a browser sends it: a scheme and a host, with a port if it is not the usual one.
fn origin(text: &str) -> Result<CorsOrigin, &'static str> {
    let is_odd =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '*' | '?' | '#');
    let is_part = |part: &str| !part.is_empty() && !part.contains(is_odd);
    match text.split_once("://") {
        None if text == "*" => Ok(CorsOrigin(text.to_owned())),
        Some((scheme, host)) if is_part(scheme) && is_part(host) => Ok(CorsOrigin(text.to_owned())),
        _ => Err(
            "an origin is a scheme and a host, as in https://app.example or http://localhost:8000, or * for any",
        ),
    }
}

fn echo_path(text: &str) -> Result<Option<String>, &'static str> {
    let is_odd = |c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '%');
    let is_framed = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    match text {
        "/socket.io/" => Err("Socket.IO is at this path; name another, as in /engine.io/"),
        text if !is_framed || text.contains(is_odd) => {
            Err("a path begins and ends with a slash, as in /engine.io/")
        }
        text => Ok(Some(text.to_owned())),
    }
}
