//! Text of the demo: prose in short lines, and commands as they are typed.

/// Breaks prose into lines of at most 80 columns.
pub(super) fn wrap(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        match line.chars().count() + 1 + word.chars().count() {
            _ if line.is_empty() => line.push_str(word),
            columns if columns <= COLUMNS => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// Quotes words for a shell.
pub(super) fn quote(words: &[&str]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    let quoted = words.iter().map(|word| {
        if word.chars().all(is_plain) {
            (*word).to_owned()
        } else {
            format!("'{word}'")
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn prose_is_wrapped_at_spaces() {
        let text = "four ".repeat(40);
        let wrapped = wrap(text.trim_end());
        assert_eq!(wrapped.replace('\n', " "), text.trim_end());
        assert!(wrapped.lines().all(|line| line.len() <= 80));
        assert_eq!(wrapped.lines().count(), 3);
    }
}
