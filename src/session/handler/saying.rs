//! What the log says about one program: so many lines a second, and then how many more there were.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

#[derive(Debug)]
pub struct Saying {
    /// The namespaces that the program serves, as hub.toml names them.
    whose: String,
    budget: Budget,
}

impl Saying {
    pub fn new(whose: &str) -> Self {
        Self {
            whose: whose.to_owned(),
            budget: Budget::default(),
        }
    }

    /// Its beginning and its end are said in any case; restarts are rare enough.
    pub fn life(&mut self, change: &str) {
        self.say_hidden();
        tracing::info!("handler of {}: {change}", self.whose);
    }

    /// An end that nobody asked for.
    pub fn death(&mut self, how: &str) {
        self.say_hidden();
        tracing::warn!("handler of {}: {how}", self.whose);
    }

    fn say_hidden(&mut self) {
        let hidden = std::mem::take(&mut self.budget.hidden);
        if hidden > 0 {
            tracing::warn!("handler of {}: ({hidden} lines are not shown)", self.whose);
        }
    }

    pub fn info(&mut self, text: impl FnOnce() -> String) {
        if self.may_say() {
            tracing::info!("handler of {}: {}", self.whose, text());
        }
    }

    pub fn warn(&mut self, text: impl FnOnce() -> String) {
        if self.may_say() {
            tracing::warn!("handler of {}: {}", self.whose, text());
        }
    }

    fn may_say(&mut self) -> bool {
        let may = self.budget.take(Instant::now()) == Budgeted::Say;
        if may {
            self.say_hidden();
        }
        may
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Budgeted {
    Say,
    Hide,
}

#[derive(Debug, Default)]
struct Budget {
    second: Option<Instant>,
    said: u32,
    /// Since that was last said.
    hidden: u64,
}

impl Budget {
    fn take(&mut self, now: Instant) -> Budgeted {
        let over = |begun| now.duration_since(begun) >= Duration::from_secs(1);
        if self.second.is_none_or(over) {
            self.second = Some(now);
            self.said = 0;
        }
        if self.said == limits::HANDLER_LOG_LINES {
            self.hidden += 1;
            return Budgeted::Hide;
        }
        self.said += 1;
        Budgeted::Say
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_second_are_said_and_the_others_counted() {
        let begun = Instant::now();
        let mut budget = Budget::default();
        for _ in 0..limits::HANDLER_LOG_LINES {
            assert_eq!(budget.take(begun), Budgeted::Say);
        }
        assert_eq!(budget.take(begun), Budgeted::Hide);
        assert_eq!(
            budget.take(begun + Duration::from_millis(999)),
            Budgeted::Hide
        );
        let next = begun + Duration::from_secs(1);
        assert_eq!(budget.take(next), Budgeted::Say);
        assert_eq!(budget.hidden, 2);
    }
}
