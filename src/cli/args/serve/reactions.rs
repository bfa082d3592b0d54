//! What hub.toml declares for an event: `[namespaces."/".on.EVENT]`.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use toml::Spanned;

use crate::address::EventName;
use crate::cli::toml_file::diagnostics::Diagnostics;
use crate::limits;
use crate::server::{AckPayload, EmitAction, EmitTo, Reaction, Relay};

const DISCONNECTED: &str = "a socket that has disconnected gets nothing more; emit = { event = \"…\", to = \"all\" } reaches those that are connected";
const RESERVED: &str = "Socket.IO reserves this name, so the event cannot be sent on; \"emit\" sends one of another name";
const NOT_ACKED: &str = "nobody waits for an answer here";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReactionTable {
    relay: Option<Spanned<Relay>>,
    reply: Option<Spanned<EventName>>,
    ack: Option<Spanned<AckPayload>>,
    emit: Option<Spanned<EmitAction>>,
}

impl ReactionTable {
    /// What the table means for the event `name`.
    pub fn check(self, name: &str, diagnostics: &mut Diagnostics<'_>) -> Reaction {
        match name {
            "connect" => {
                reject(self.relay.as_ref(), RESERVED, diagnostics);
                reject(self.ack.as_ref(), NOT_ACKED, diagnostics);
            }
            "disconnect" => {
                let to_sender = |emit: &&Spanned<EmitAction>| emit.get_ref().to == EmitTo::Sender;
                reject(self.relay.as_ref(), RESERVED, diagnostics);
                reject(self.ack.as_ref(), NOT_ACKED, diagnostics);
                reject(self.reply.as_ref(), DISCONNECTED, diagnostics);
                reject(
                    self.emit.as_ref().filter(to_sender),
                    DISCONNECTED,
                    diagnostics,
                );
            }
            _ => {}
        }
        Reaction {
            relay: self.relay.map(Spanned::into_inner).unwrap_or_default(),
            reply: self.reply.map(Spanned::into_inner),
            ack: self.ack.map(Spanned::into_inner),
            emit: self.emit.map(Spanned::into_inner),
        }
    }
}

fn reject<T>(value: Option<&Spanned<T>>, why: &str, diagnostics: &mut Diagnostics<'_>) {
    if let Some(value) = value {
        diagnostics.add(value.span().start, why);
    }
}

/// An event of its own, where its name alone does not say enough.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmitTable {
    event: EventName,
    #[serde(default, deserialize_with = "arguments")]
    args: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    to: EmitTo,
}

impl<'de> Deserialize<'de> for EmitAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = EmitAction;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event's name or a table")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<EmitAction, E> {
                Ok(EmitAction {
                    event: EventName::parse(name).map_err(E::custom)?,
                    args: None,
                    to: EmitTo::default(),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<EmitAction, A::Error> {
                let table = EmitTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(EmitAction {
                    event: table.event,
                    args: table.args,
                    to: table.to,
                })
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

impl<'de> Deserialize<'de> for AckPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ack;
        impl<'de> Visitor<'de> for Ack {
            type Value = AckPayload;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"args\" or an array")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AckPayload, E> {
                match text {
                    "args" => Ok(AckPayload::Args),
                    _ => Err(E::custom(
                        "\"args\" or an array, such as [\"ok\"], belongs here",
                    )),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<AckPayload, A::Error> {
                let fixed = arguments(SeqAccessDeserializer::new(items))?;
                Ok(AckPayload::Fixed(fixed.unwrap_or_default()))
            }
        }
        deserializer.deserialize_any(Ack)
    }
}

fn arguments<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Box<RawValue>>>, D::Error> {
    let values = Vec::<Value>::deserialize(deserializer)?;
    if values.len() > limits::ARGUMENTS {
        let most = limits::ARGUMENTS;
        return Err(D::Error::custom(format!("at most {most} arguments")));
    }
    let raw = values.iter().map(to_raw_value).collect::<Result<_, _>>();
    raw.map(Some).map_err(D::Error::custom)
}
