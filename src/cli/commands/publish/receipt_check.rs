//! `--require`: whether each message reached enough listeners.

use crate::cli::failure::Failure;
use crate::client::PublishReceipt;
use crate::client::publish_window::PublishOutcome;

/// Checks receipts and remembers the first failure; the other messages are published all the same.
pub struct ReceiptCheck {
    required: Option<u64>,
    failure: Option<Failure>,
}

impl ReceiptCheck {
    pub fn new(required: Option<u64>) -> Self {
        Self {
            required,
            failure: None,
        }
    }

    pub fn check(&mut self, receipt: &PublishReceipt) {
        let Some(wanted) = self.required.filter(|_| self.failure.is_none()) else {
            return;
        };
        self.failure = match receipt.outcome {
            PublishOutcome::Delivered { delivered, queued } => {
                let reached = delivered.saturating_add(queued);
                (reached < wanted).then_some(Failure::Require { wanted, reached })
            }
            PublishOutcome::Unknown | PublishOutcome::Delayed { .. } => {
                (wanted > 0).then_some(Failure::RequireUnknown { wanted })
            }
        };
    }

    pub fn into_result(self) -> Result<(), Failure> {
        self.failure.map_or(Ok(()), Err)
    }
}
