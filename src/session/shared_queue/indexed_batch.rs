//! A record whose pieces can be cut out without walking the whole body each time.

use std::sync::Arc;

use bytes::Bytes;

use super::leases::DivisibleRecord;
use crate::hub::delivery::Delivery;
use crate::hub::frame::WireFrame;
use crate::limits;
use crate::wire::batch;

#[derive(Debug, Clone)]
pub struct IndexedBatch {
    pub delivery: Arc<Delivery>,
    /// The offset in the body of every [`limits::SHARE_INDEX_INTERVAL`]th message.
    marks: Arc<[usize]>,
}

impl IndexedBatch {
    pub fn new(delivery: Arc<Delivery>) -> Self {
        let (framing, body) = (delivery.header().framing, &delivery.record.body);
        let mut marks = vec![0];
        let mut at = 0;
        for _ in 0..delivery.header().count / limits::SHARE_INDEX_INTERVAL {
            let rest = body.get(at..).unwrap_or_default();
            at += batch::skip(framing, rest, limits::SHARE_INDEX_INTERVAL);
            marks.push(at);
        }
        Self {
            delivery,
            marks: marks.into(),
        }
    }

    /// The frames of messages `from..to`.
    pub fn frames(&self, from: u32, to: u32) -> [WireFrame; 2] {
        if (from, to) == (0, self.delivery.header().count) {
            return self.delivery.batch(0);
        }
        let body = &self.delivery.record.body;
        let start = self.offset(from);
        let end = self.offset(to).max(start);
        let piece = if (end - start).saturating_mul(limits::SHARE_COPY_FACTOR) < body.len() {
            Bytes::copy_from_slice(&body[start..end])
        } else {
            body.slice(start..end)
        };
        self.delivery.batch_range(from, to, piece)
    }

    /// The offset of message `index` in the body. The index after the last message gives the end.
    fn offset(&self, index: u32) -> usize {
        let body = &self.delivery.record.body;
        let mark = (index / limits::SHARE_INDEX_INTERVAL) as usize;
        let at = self.marks.get(mark).copied().unwrap_or(body.len());
        let rest = body.get(at..).unwrap_or_default();
        at + batch::skip(
            self.delivery.header().framing,
            rest,
            index % limits::SHARE_INDEX_INTERVAL,
        )
    }
}

impl DivisibleRecord for IndexedBatch {
    fn fit(&self, from: u32, to: u32, bytes: usize) -> (u32, usize) {
        let start = self.offset(from);
        let mut to = to.max(from + 1);
        loop {
            let length = self.offset(to).saturating_sub(start);
            if length <= bytes || to == from + 1 {
                return (to, length);
            }
            to = from + (to - from) / 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{EventName, Namespace, RoomName};
    use crate::hub::delivery::DeliveryKind;
    use crate::store::{MessageHeader, Record};
    use crate::wire::batch::Framing;

    fn indexed(framing: Framing, count: u32, body: Vec<u8>) -> IndexedBatch {
        let rooms = Arc::new([RoomName::whole_namespace()]);
        let header = MessageHeader {
            framing,
            count,
            ..MessageHeader::new(Namespace::root(), rooms, EventName::message())
        };
        let record = Record {
            number: 7,
            at_ms: 0,
            header,
            body: Bytes::from(body),
        };
        IndexedBatch::new(Arc::new(Delivery::new(record, DeliveryKind::Durable)))
    }

    #[test]
    fn pieces_put_together_are_the_record() {
        for count in [1, 63, 64, 65, 128, 1000] {
            let lines = (0..count).map(|n| format!("{}\n", "x".repeat(n as usize % 7)));
            let text: String = lines.clone().collect();
            let mut bytes = Vec::new();
            for line in lines {
                batch::push_bytes_message(&mut bytes, line.trim_end().as_bytes());
            }
            for (framing, body) in [(Framing::Lines, text.into_bytes()), (Framing::Bytes, bytes)] {
                let indexed = indexed(framing, count, body.clone());
                let (mut from, mut together) = (0, Vec::new());
                while from < count {
                    let (to, length) = indexed.fit(from, (from + 37).min(count), 90);
                    assert!(from < to && to <= count);
                    let [text, WireFrame::Binary(piece)] = indexed.frames(from, to) else {
                        panic!("no body")
                    };
                    assert_eq!(piece.len(), length);
                    let WireFrame::Text(text) = text else {
                        panic!()
                    };
                    let first = if from == 0 {
                        "7".to_owned()
                    } else {
                        format!("7.{from}")
                    };
                    assert!(text.contains(&format!("\"first\":\"{first}\"")), "{text}");
                    assert!(
                        text.contains(&format!("\"count\":{},", to - from)),
                        "{text}"
                    );
                    together.extend_from_slice(&piece);
                    from = to;
                }
                assert_eq!(together, body, "{framing:?} {count}");
            }
        }
    }
}
