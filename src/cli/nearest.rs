//! Finds the known word that a mistyped one probably stands for.

/// The known word nearest to `typed`, if one is close enough.
pub fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    // Much longer than any word, so not one of them mistyped.
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
