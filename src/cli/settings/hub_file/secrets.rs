//! The files with secrets that a hub.toml names, wherever it does: nobody else is to be shown them.

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// What stands behind each `token-file`; relative paths begin in `folder`.
pub fn named_in(table: &DeTable<'_>, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value.get_ref() {
            DeValue::String(path) if key.get_ref() == "token-file" => {
                found.push(folder.join(&**path));
            }
            value => found.extend(within(value, folder)),
        }
    }
    found
}

/// As deep as the parser lets tables be in each other.
fn within(value: &DeValue<'_>, folder: &Path) -> Vec<PathBuf> {
    match value {
        DeValue::Table(table) => named_in(table, folder),
        DeValue::Array(values) => values
            .iter()
            .flat_map(|value| within(value.get_ref(), folder))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_file_is_found() {
        let text = "token-file = 'a'\n[namespaces.'/x']\ntokens = [{token-file = 'b'}, {token = 'c'}, {token-file = '/d'}]\n";
        let table = DeTable::parse(text).unwrap();
        let files = named_in(table.get_ref(), Path::new("/etc"));
        let mut files: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        files.sort_unstable();
        assert_eq!(files, ["/d", "/etc/a", "/etc/b"]);
    }
}
