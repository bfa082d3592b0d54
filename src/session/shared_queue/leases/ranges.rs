//! A set of message indices, as ranges. Ranges that touch are merged.

/// Ranges in ascending order, with a gap between each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    pub fn insert(&mut self, from: u32, to: u32) {
        if from >= to {
            return;
        }
        let begin = self.0.partition_point(|(_, end)| *end < from);
        let end = self.0.partition_point(|(start, _)| *start <= to);
        let met = &self.0[begin..end];
        let low = met.first().map_or(from, |(start, _)| from.min(*start));
        let high = met.last().map_or(to, |(_, end)| to.max(*end));
        self.0.splice(begin..end, [(low, high)]);
    }

    /// The first index at or after `first` that is not in the set.
    pub fn end_from(&self, first: u32) -> u32 {
        let holds = |(from, to): &&(u32, u32)| (*from..*to).contains(&first);
        self.0.iter().find(holds).map_or(first, |(_, to)| *to)
    }

    /// The ranges of `from..to` that are not in the set.
    pub fn holes(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let mut holes = Vec::new();
        let mut at = from;
        for (start, end) in &self.0 {
            if *start >= to {
                break;
            }
            if *start > at {
                holes.push((at, *start));
            }
            at = at.max(*end);
        }
        if at < to {
            holes.push((at, to));
        }
        holes
    }
}
