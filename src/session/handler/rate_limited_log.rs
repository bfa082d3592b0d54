//! The log lines about one program: a bounded number a second, then the count of those left out.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

#[derive(Debug)]
pub struct RateLimitedLog {
    /// The namespaces that the program serves, as hub.toml names them.
    namespaces: String,
    budget: LineBudget,
}

impl RateLimitedLog {
    pub fn new(namespaces: &str) -> Self {
        Self {
            namespaces: namespaces.to_owned(),
            budget: LineBudget::default(),
        }
    }

    /// Logs a start or an ordered end. Not counted: restarts are rare.
    pub fn lifecycle(&mut self, change: &str) {
        self.log_hidden();
        tracing::info!("handler of {}: {change}", self.namespaces);
    }

    /// Logs an unexpected end. Not counted.
    pub fn failure(&mut self, how: &str) {
        self.log_hidden();
        tracing::warn!("handler of {}: {how}", self.namespaces);
    }

    fn log_hidden(&mut self) {
        let hidden = std::mem::take(&mut self.budget.hidden);
        if hidden > 0 {
            tracing::warn!(
                "handler of {}: ({hidden} lines are not shown)",
                self.namespaces
            );
        }
    }

    pub fn info(&mut self, text: impl FnOnce() -> String) {
        if self.may_log() {
            tracing::info!("handler of {}: {}", self.namespaces, text());
        }
    }

    pub fn warn(&mut self, text: impl FnOnce() -> String) {
        if self.may_log() {
            tracing::warn!("handler of {}: {}", self.namespaces, text());
        }
    }

    fn may_log(&mut self) -> bool {
        let may_log = self.budget.take(Instant::now());
        if may_log {
            self.log_hidden();
        }
        may_log
    }
}

#[derive(Debug, Default)]
struct LineBudget {
    /// When the current second began.
    second: Option<Instant>,
    logged: u32,
    /// Lines left out since the count was last logged.
    hidden: u64,
}

impl LineBudget {
    /// Whether one more line may be logged now.
    fn take(&mut self, now: Instant) -> bool {
        let is_over = |begun| now.duration_since(begun) >= Duration::from_secs(1);
        if self.second.is_none_or(is_over) {
            self.second = Some(now);
            self.logged = 0;
        }
        if self.logged == limits::HANDLER_LOG_LINES {
            self.hidden += 1;
            return false;
        }
        self.logged += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_number_of_lines_a_second_is_logged_and_the_others_are_counted() {
        let begun = Instant::now();
        let mut budget = LineBudget::default();
        for _ in 0..limits::HANDLER_LOG_LINES {
            assert!(budget.take(begun));
        }
        assert!(!budget.take(begun));
        assert!(!budget.take(begun + Duration::from_millis(999)));
        let next = begun + Duration::from_secs(1);
        assert!(budget.take(next));
        assert_eq!(budget.hidden, 2);
    }
}
