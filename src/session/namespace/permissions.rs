//! What was settled when a socket was let in: what holds in its namespace, what it may do there, how fast.

use std::sync::Arc;

use tokio::time::Instant;

use super::policy::{AuthOutcome, NamespaceRules, Rights};
use super::rate::RateLimiter;
use crate::address::ClientName;

#[derive(Debug)]
pub struct Permissions {
    pub rules: Arc<NamespaceRules>,
    pub may: Rights,
    /// The client that its token is for, and no other.
    pub own_name: Option<ClientName>,
    kicks: Kicks,
    bucket: Option<RateLimiter>,
    /// It was said that this socket tries what it may not.
    said: bool,
}

/// Sending others away is for those who run things: who got in where nothing is asked, or with a token that may do
/// everything and is not one client's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kicks {
    Others,
    Nobody,
}

impl Permissions {
    pub fn new(rules: Arc<NamespaceRules>, pass: &AuthOutcome, now: Instant) -> Self {
        let bucket = rules.rate.map(|rate| RateLimiter::new(rate, now));
        Self {
            rules,
            may: pass.may,
            own_name: pass.own_name().cloned(),
            kicks: if pass.is_anyones() && pass.may == Rights::PubAndSub {
                Kicks::Others
            } else {
                Kicks::Nobody
            },
            bucket,
            said: false,
        }
    }

    /// Whether it may send others away.
    pub fn may_kick(&self) -> bool {
        self.kicks == Kicks::Others
    }

    /// So many messages came from it. Returns when the next may, unless that is at once.
    pub fn spend(&mut self, messages: u32) -> Option<Instant> {
        let bucket = self.bucket.as_mut()?;
        bucket.spend(messages, Instant::now())
    }

    /// When it has nothing left to pay: entering the namespace anew must not be a way around its rate.
    pub fn paid_at(&self) -> Option<Instant> {
        let paid_at = self.bucket.as_ref()?.full_at();
        (paid_at > Instant::now()).then_some(paid_at)
    }

    /// Whether this is the first time that it tried what it may not.
    pub fn first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.said, true)
    }
}
