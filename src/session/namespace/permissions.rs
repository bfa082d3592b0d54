//! A socket's rights and rate in its namespace, decided when it was admitted.

use std::sync::Arc;

use tokio::time::Instant;

use super::policy::{AuthOutcome, NamespaceRules, Rights};
use super::rate::RateLimiter;
use crate::address::ClientName;

#[derive(Debug)]
pub struct Permissions {
    pub rules: Arc<NamespaceRules>,
    pub rights: Rights,
    /// The only name that its token allows.
    pub own_name: Option<ClientName>,
    may_kick: bool,
    rate: Option<RateLimiter>,
    is_refusal_logged: bool,
}

impl Permissions {
    pub fn new(rules: Arc<NamespaceRules>, auth: &AuthOutcome, now: Instant) -> Self {
        let rate = rules.rate.map(|rate| RateLimiter::new(rate, now));
        Self {
            rules,
            rights: auth.rights,
            own_name: auth.own_name().cloned(),
            may_kick: auth.allows_any_name() && auth.rights == Rights::PubAndSub,
            rate,
            is_refusal_logged: false,
        }
    }

    /// Kicking is for administrators: clients of an open namespace, or with a token that has every right and no name.
    pub fn may_kick(&self) -> bool {
        self.may_kick
    }

    /// Counts messages against the rate. Returns the time when the next one may come; `None` means now.
    pub fn spend(&mut self, messages: u32) -> Option<Instant> {
        self.rate.as_mut()?.spend(messages, Instant::now())
    }

    /// The time when its rate is fully restored; `None` means now. A client that leaves and enters again must not start
    /// with a fresh one.
    pub fn throttled_until(&self) -> Option<Instant> {
        let restored_at = self.rate.as_ref()?.restored_at();
        (restored_at > Instant::now()).then_some(restored_at)
    }

    /// Whether this is its first attempt at something forbidden.
    pub fn is_first_refusal(&mut self) -> bool {
        !std::mem::replace(&mut self.is_refusal_logged, true)
    }
}
