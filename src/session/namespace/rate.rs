//! The rate limit of one connection in a namespace. Pure: the time comes as an argument.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

/// A token bucket that holds the messages of one second. It never refuses a message: when a client overdraws it, the
/// session reads the client's next message later.
#[derive(Debug, Clone, Copy)]
pub struct RateLimiter {
    rate: NonZeroU32,
    restored_at: Instant,
}

/// The bucket holds as many messages as are restored in this time.
const BURST: Duration = Duration::from_secs(1);

impl RateLimiter {
    pub fn new(rate: NonZeroU32, now: Instant) -> Self {
        Self {
            rate,
            restored_at: now,
        }
    }

    /// Counts messages. Returns the time when the next one may come; `None` means now.
    pub fn spend(&mut self, messages: u32, now: Instant) -> Option<Instant> {
        let spent = self.restored_at.max(now) + self.duration_of(messages);
        self.restored_at = spent.min(now + BURST + limits::RATE_WAIT_MAX);
        let next = (self.restored_at + self.duration_of(1)).checked_sub(BURST)?;
        (next > now).then_some(next)
    }

    /// The time when the bucket is full again.
    pub fn restored_at(&self) -> Instant {
        self.restored_at
    }

    /// How long it takes to restore this many messages.
    fn duration_of(&self, messages: u32) -> Duration {
        const SECOND: u64 = Duration::from_secs(1).as_nanos() as u64;
        Duration::from_nanos(u64::from(messages) * SECOND / u64::from(self.rate.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn bucket(rate: u32) -> (RateLimiter, Instant) {
        let now = Instant::now();
        (RateLimiter::new(NonZeroU32::new(rate).unwrap(), now), now)
    }

    #[test]
    fn the_messages_of_a_second_pass_at_once_and_then_one_at_a_time() {
        let (mut bucket, now) = bucket(50);
        for n in 1..50 {
            assert_eq!(bucket.spend(1, now), None, "{n}");
        }
        let next = bucket.spend(1, now).unwrap();
        assert_eq!(next, now + 20 * MS);
        assert_eq!(bucket.spend(1, next), Some(next + 20 * MS));
    }

    #[test]
    fn an_idle_second_fills_the_bucket_and_not_more() {
        let (mut bucket, now) = bucket(2);
        assert_eq!(bucket.spend(2, now), Some(now + 500 * MS));
        assert_eq!(bucket.restored_at(), now + 1000 * MS);
        let later = now + 3600 * 1000 * MS;
        assert_eq!(bucket.spend(1, later), None);
        assert_eq!(bucket.spend(1, later), Some(later + 500 * MS));
    }

    #[test]
    fn a_batch_counts_its_messages() {
        let (mut bucket, now) = bucket(10);
        assert_eq!(bucket.spend(100, now), Some(now + 9100 * MS));
    }

    #[test]
    fn one_message_a_second_is_not_two() {
        let (mut bucket, now) = bucket(1);
        assert_eq!(bucket.spend(1, now), Some(now + 1000 * MS));
    }

    #[test]
    fn no_wait_is_longer_than_the_bound() {
        let (mut bucket, now) = bucket(1);
        let next = bucket.spend(u32::MAX, now).unwrap();
        assert_eq!(next, now + limits::RATE_WAIT_MAX + bucket.duration_of(1));
        let (mut quick, now) = self::bucket(u32::MAX);
        assert_eq!(quick.spend(1000, now), None);
    }
}
