//! Exponential backoff between two bounds, with jitter, so that a thousand clients of one hub do not reconnect in the same
//! millisecond. Has no clock.

use std::time::Duration;

use crate::limits;

#[derive(Debug, Clone)]
pub struct Backoff {
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            ceiling: limits::RECONNECT_MIN,
        }
    }
}

impl Backoff {
    /// How long to wait before the next attempt: between half the current ceiling and all of it. Doubles the ceiling.
    pub fn next_wait(&mut self) -> Duration {
        // Without randomness, wait the full ceiling: a later attempt is always allowed.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        self.wait_with(random)
    }

    fn wait_with(&mut self, random: u32) -> Duration {
        let half = self.ceiling / 2;
        let wait = half + half.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.ceiling = (self.ceiling * 2).min(limits::RECONNECT_MAX);
        wait
    }

    /// Call it after an attempt that succeeded.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_restart_after_success() {
        let mut backoff = Backoff::default();
        let longest: Vec<u128> = (0..8)
            .map(|_| backoff.wait_with(u32::MAX).as_millis())
            .collect();
        assert_eq!(longest, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.wait_with(0).as_millis(), 50);
        assert!((100..=200).contains(&backoff.next_wait().as_millis()));
    }
}
