//! Lists as answers: as much of them as an answer holds, and how many more there are.

use serde_json::{Value, json};

use crate::limits;

/// The beginning of a list.
#[derive(Debug)]
pub(crate) struct BoundedList {
    lines: Vec<Value>,
    more: u64,
}

impl BoundedList {
    /// Makes no line beyond what fits; `more` are not among these lines. One line is there however long it is.
    pub(crate) fn of(lines: impl ExactSizeIterator<Item = Value>, more: u64) -> Self {
        let all = lines.len();
        let mut kept = Vec::new();
        let mut bytes = 0;
        for line in lines {
            bytes += line.to_string().len();
            if bytes > limits::ANSWER_BYTES && !kept.is_empty() {
                break;
            }
            kept.push(line);
        }
        Self {
            more: more + (all - kept.len()) as u64,
            lines: kept,
        }
    }

    /// `{"ok": true, KEY: […], "more"?}`.
    pub(crate) fn body(self, key: &str) -> Value {
        let mut body = json!({"ok": true, key: self.lines});
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
    fn an_answer_has_an_end() {
        let long = json!({"rooms": ["x".repeat(limits::ANSWER_BYTES / 3)]});
        let mut made = 0;
        let lines = std::iter::repeat_n(long.clone(), 5).inspect(|_| made += 1);
        let answer = BoundedList::of(lines, 10).body("sockets");
        assert_eq!(answer["sockets"].as_array().unwrap().len(), 2);
        assert_eq!((&answer["more"], made), (&json!(13), 3));
        let whole = BoundedList::of(std::iter::repeat_n(long, 2), 0).body("sockets");
        assert!(whole.get("more").is_none());
        let line = json!("x".repeat(limits::ANSWER_BYTES + 1));
        let one = BoundedList::of(std::iter::once(line), 0).body("rooms");
        assert_eq!(one["rooms"].as_array().unwrap().len(), 1);
    }
}
