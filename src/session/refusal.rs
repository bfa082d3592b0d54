//! The answer to a publish that the store refused.

use super::state::Session;
use crate::store::Refusal;
use crate::store::delayed::DelayedQueueFull;
use crate::wire::error_code::ErrorCode;

impl Session {
    pub(super) fn answer_refusal(&mut self, index: usize, ack_id: Option<u64>, refusal: &Refusal) {
        let code = match refusal {
            Refusal::OutOfOrder { .. } => ErrorCode::OutOfOrder,
            Refusal::Full { .. } | Refusal::DelayedQueueFull(_) => ErrorCode::Full,
            Refusal::Disk { .. } => ErrorCode::Disk,
        };
        let message = format!("{refusal}{}", advice(refusal));
        if code != ErrorCode::OutOfOrder {
            self.services.log_refusal(&message);
        }
        self.refuse(index, ack_id, code, &message);
    }
}

/// The hint: how to resolve the refusal.
fn advice(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Full {
            namespace,
            client,
            room,
            ..
        } => {
            let address = if namespace.is_root() && !room.is_whole_namespace() {
                room.to_string()
            } else {
                format!("{namespace}#{room}")
            };
            format!(r#"; "roomcat leave '{address}' --as '{client}'" frees it"#)
        }
        Refusal::DelayedQueueFull(full) => delayed_advice(full),
        Refusal::OutOfOrder { .. } | Refusal::Disk { .. } => String::new(),
    }
}

fn delayed_advice(full: &DelayedQueueFull) -> String {
    if let DelayedQueueFull::Bytes { bytes: 0, .. } = full {
        return "; serve --keep-pending sets the limit".to_owned();
    }
    let next_due_ms = full.next_due_ms();
    let next_due = i64::try_from(next_due_ms).ok();
    let next_due = next_due.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let next_due = next_due.map_or_else(|| next_due_ms.to_string(), |due| format!("{due:.0}"));
    let alternative = match full {
        DelayedQueueFull::Records { .. } | DelayedQueueFull::Bytes { .. } => {
            "a message without a delay is accepted now"
        }
        DelayedQueueFull::Pending { .. } => "serve --keep-pending sets the limit",
    };
    format!("; the first of them is due at {next_due}, and {alternative}")
}
