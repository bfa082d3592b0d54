//! `sub` and `peek`: subscribe to rooms, or look at the messages that wait for a member. `ack` confirms messages of a
//! subscription.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::address::{ClientName, RoomName, Seq};
use crate::client::invalid_message::{InvalidMessage, parse};
use crate::wire::verb::Verb;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscribeRequest {
    /// Empty: every room that the client name joined.
    pub rooms: Vec<RoomName>,
    pub since: Option<StartPosition>,
    /// Start with this many of the last messages of the rooms.
    pub last: Option<u64>,
    pub presence: PresenceUpdates,
    pub mode: DeliveryMode,
}

/// The subscribers that get a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeliveryMode {
    /// Each of them.
    #[default]
    FanOut,
    /// One of those that share the client name.
    Shared(ShareSettings),
    /// Shows the messages that wait for a member, without taking them. `rooms` of the request is not used.
    Peek(PeekRequest),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeekRequest {
    pub name: ClientName,
    /// None: every room that the name joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
}

/// How much of a shared queue this subscriber takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareSettings {
    /// The most messages that may be unacked; None: the hub decides.
    pub window: Option<u32>,
    /// Unacked messages go to another subscriber after this time.
    pub ack_timeout: Duration,
}

/// Whether the hub reports who joins and leaves the rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PresenceUpdates {
    #[default]
    Off,
    On,
}

/// The first message of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum StartPosition {
    Seq(Seq),
    /// The first message at or after this time, in milliseconds since 1970 (UTC).
    Time(u64),
}

/// Where a subscription continues in a log that it has read from.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ResumePoint<'a> {
    #[serde(skip)]
    pub from: Seq,
    pub log: &'a str,
    /// The rooms that `from` counts for; empty: all.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub within: &'a [RoomName],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Seq>,
}

impl SubscribeRequest {
    pub fn share(&self) -> Option<ShareSettings> {
        match self.mode {
            DeliveryMode::FanOut | DeliveryMode::Peek(_) => None,
            DeliveryMode::Shared(share) => Some(share),
        }
    }

    /// The verb and its argument. With a `resume` point, `since` and `last` are not used.
    pub fn encode(&self, resume: Option<ResumePoint<'_>>) -> (Verb, String) {
        if let DeliveryMode::Peek(peek) = &self.mode {
            return (Verb::Peek, json(peek));
        }
        let (since, last) = match &resume {
            Some(resume) => (Some(StartPosition::Seq(resume.from)), None),
            None => (self.since, self.last),
        };
        let share = self.share().map(|share| ShareFields {
            share: true,
            ack_timeout: u64::try_from(share.ack_timeout.as_millis()).unwrap_or(u64::MAX),
            window: share.window,
        });
        let args = SubscribeArgs {
            rooms: &self.rooms,
            since,
            last,
            resume,
            presence: self.presence == PresenceUpdates::On,
            share,
        };
        (Verb::Sub, json(&args))
    }
}

#[derive(Serialize)]
struct SubscribeArgs<'a> {
    rooms: &'a [RoomName],
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<StartPosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
    #[serde(flatten)]
    resume: Option<ResumePoint<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    presence: bool,
    #[serde(flatten)]
    share: Option<ShareFields>,
}

#[derive(Serialize)]
struct ShareFields {
    share: bool,
    ack_timeout: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubscribeResponse {
    /// The number of messages that wait already.
    #[serde(default)]
    pub pending: u64,
    /// The rooms that the hub subscribed the socket to.
    #[serde(default)]
    pub rooms: Vec<RoomName>,
}

impl SubscribeResponse {
    pub fn parse(json: &RawValue) -> Result<Self, InvalidMessage> {
        parse("the answer to sub", json)
    }
}

/// The argument of `ack`: everything up to `seq` was written. The client name's cursor stays before `keep`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AckRequest {
    pub seq: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Seq>,
}

impl AckRequest {
    pub fn encode(&self) -> String {
        json(self)
    }
}

fn json(args: &impl Serialize) -> String {
    serde_json::to_string(args).expect("names and numbers are JSON")
}
