//! When a message is to be delivered.

use std::time::Duration;

/// When a message is to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryTime {
    /// In milliseconds since 1970.
    At(u64),
    /// From when the hub takes it.
    After(Duration),
}

impl DeliveryTime {
    /// The header's `due`.
    pub fn due(self) -> Option<u64> {
        match self {
            Self::At(at) => Some(at),
            Self::After(_) => None,
        }
    }

    /// The header's `delay`.
    pub fn delay(self) -> Option<u64> {
        match self {
            Self::At(_) => None,
            Self::After(delay) => u64::try_from(delay.as_millis()).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_one_of_them() {
        let at = DeliveryTime::At(7);
        assert_eq!((at.due(), at.delay()), (Some(7), None));
        let after = DeliveryTime::After(Duration::from_secs(2));
        assert_eq!((after.due(), after.delay()), (None, Some(2_000)));
    }
}
