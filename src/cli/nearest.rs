//! The word that was probably meant by one that was mistyped.

/// The known word nearest to `typed`, if one is near.
pub fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    // A text that is much longer than any word is none of them mistyped.
    const LONGEST: usize = 32;
    if typed.len() > LONGEST {
        return None;
    }
    let distances = known
        .iter()
        .map(|word| (strsim::osa_distance(typed, word), *word));
    let (distance, word) = distances.min()?;
    (distance <= 1 + word.len() / 4).then_some(word)
}
