//! A list as an answer: the rows that fit, and the number of those that do not.

use serde_json::{Value, json};

use crate::limits;

/// The rows at the beginning of a list that fit into an answer.
#[derive(Debug)]
pub struct BoundedList {
    rows: Vec<Value>,
    more: u64,
}

impl BoundedList {
    /// Takes rows while they fit, and at least one. `more` counts rows that are not in `rows`.
    pub fn of(rows: impl ExactSizeIterator<Item = Value>, more: u64) -> Self {
        let all = rows.len();
        let mut kept = Vec::new();
        let mut bytes = 0;
        for row in rows {
            bytes += row.to_string().len();
            if bytes > limits::ANSWER_BYTES && !kept.is_empty() {
                break;
            }
            kept.push(row);
        }
        Self {
            more: more + (all - kept.len()) as u64,
            rows: kept,
        }
    }

    /// `{"ok": true, KEY: […], "more"?}`.
    pub fn body(self, key: &str) -> Value {
        let mut body = json!({"ok": true, key: self.rows});
        if self.more > 0 {
            body["more"] = json!(self.more);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_the_answer_is_full() {
        let long = json!({"rooms": ["x".repeat(limits::ANSWER_BYTES / 3)]});
        let mut made = 0;
        let rows = std::iter::repeat_n(long.clone(), 5).inspect(|_| made += 1);
        let answer = BoundedList::of(rows, 10).body("sockets");
        assert_eq!(answer["sockets"].as_array().unwrap().len(), 2);
        assert_eq!((&answer["more"], made), (&json!(13), 3));
        let whole = BoundedList::of(std::iter::repeat_n(long, 2), 0).body("sockets");
        assert!(whole.get("more").is_none());
        let row = json!("x".repeat(limits::ANSWER_BYTES + 1));
        let one = BoundedList::of(std::iter::once(row), 0).body("rooms");
        assert_eq!(one["rooms"].as_array().unwrap().len(), 1);
    }
}
