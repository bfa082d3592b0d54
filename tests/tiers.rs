//! The table of tiers, tests/tiers.txt: a tier runs every test, and the fast tier leaves out what the table says.

use std::process::Command;

use crate::house::source::texts;

struct Row {
    /// A module or a test.
    name: &'static str,
    tier: &'static str,
    /// What the tier normal is needed for.
    reason: String,
}

impl Row {
    fn covers(&self, test: &str) -> bool {
        let rest = test.strip_prefix(self.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// What tests/run gives to `--skip`, which leaves out every test with this text in its name.
    fn skip(&self, tests: &[String]) -> String {
        if tests.iter().any(|test| test == self.name) {
            self.name.to_owned()
        } else {
            format!("{}::", self.name)
        }
    }
}

fn table() -> Vec<Row> {
    let lines = include_str!("tiers.txt").lines();
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace();
            let (name, tier) = (words.next(), words.next());
            Row {
                name: name.unwrap_or_default(),
                tier: tier.unwrap_or_else(|| panic!("{line:?} has no tier")),
                reason: words.collect::<Vec<_>>().join(" "),
            }
        })
        .collect()
}

/// The tests of this binary, as it lists them.
fn list(arguments: &[&str]) -> Vec<String> {
    let this = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(this);
    let output = command
        .args(["--list", "--format", "terse"])
        .args(arguments)
        .output()
        .expect("this program can run");
    let text = String::from_utf8(output.stdout).expect("names of tests are text");
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(str::to_owned).collect()
}

#[test]
fn every_test_has_a_tier() {
    let (rows, tests, ignored) = (table(), list(&[]), list(&["--ignored"]));
    assert!(tests.len() > 300, "{}", tests.len());
    let mut wrong = Vec::new();
    for row in &rows {
        if !matches!(row.tier, "fast" | "normal") {
            wrong.push(format!("{}: {} is no tier of a module", row.name, row.tier));
        }
        if (row.tier == "normal") == row.reason.is_empty() {
            wrong.push(format!("{}: a reason is for the tier normal", row.name));
        }
        if !tests.iter().any(|test| row.covers(test)) {
            wrong.push(format!("{} is in the table, and has no test", row.name));
        }
    }
    for test in &tests {
        if !rows.iter().any(|row| row.covers(test)) {
            wrong.push(format!("{test}: no row of the table covers it"));
        }
        let is_long = test.split("::").any(|part| part == "long");
        if is_long != ignored.contains(test) {
            wrong.push(format!("{test}: long tests, and no others, are ignored"));
        }
    }
    for (path, text) in texts() {
        if text.contains("#[ignore") {
            wrong.push(format!("src/{path}: no tier runs an ignored unit test"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_fast_tier_leaves_out_what_the_table_says_and_nothing_else() {
    let (rows, tests) = (table(), list(&[]));
    let slow: Vec<&Row> = rows.iter().filter(|row| row.tier == "normal").collect();
    for test in &tests {
        let is_left_out = slow.iter().any(|row| test.contains(&row.skip(&tests)));
        let is_slow = slow.iter().any(|row| row.covers(test));
        assert_eq!(is_left_out, is_slow, "{test}");
    }
}
