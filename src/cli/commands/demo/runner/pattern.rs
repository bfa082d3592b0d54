//! Patterns for lines of output: `…` stands for any text.

pub(super) fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn an_ellipsis_matches_any_text() {
        for (pattern, line) in [
            ("a", "a"),
            ("a…", "abc"),
            ("a…c", "abc"),
            ("…b…", "abc"),
            ("…", ""),
        ] {
            assert!(matches(pattern, line), "{pattern} {line}");
        }
        for (pattern, line) in [
            ("a", "ab"),
            ("a…c", "ab"),
            ("a…b…c", "acb"),
            ("b…", "ab"),
            ("", "a"),
        ] {
            assert!(!matches(pattern, line), "{pattern} {line}");
        }
    }
}
