use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use unicode_width::UnicodeWidthStr as _;

use super::*;

const COLUMNS: [Column; 4] = [
    Column::name("ROOM"),
    Column::number("SOCKETS"),
    Column::name("MEMBER"),
    Column::text("LAST"),
];

fn table(rows: &[[&str; 4]]) -> Table<4> {
    let mut table = Table::new(COLUMNS);
    for row in rows {
        table.push(row.map(str::to_owned));
    }
    table
}

fn shown(table: &Table<4>, columns: usize) -> String {
    text(&table.lines(Some(columns)), Paint::Plain)
}

#[test]
fn without_a_width_everything_is_there() {
    let table = table(&[
        ["ci", "2", "a-worker-with-a-long-name", "12:00:01"],
        ["größe", "12", "漢字", "-"],
    ]);
    let expected = "\
ROOM   SOCKETS  MEMBER                     LAST
ci           2  a-worker-with-a-long-name  12:00:01
größe       12  漢字                       -
";
    assert_eq!(text(&table.lines(None), Paint::Plain), expected);
    assert_eq!(shown(&table, 53), expected, "a width that it just has");
}

#[test]
fn names_give_way_in_their_middle_the_widest_first() {
    let table = table(&[
        [
            "logs.2024.alpha",
            "2",
            "a-worker-with-a-long-name",
            "12:00:01",
        ],
        ["ci", "12", "bo", "-"],
    ]);
    let expected = "\
ROOM             SOCKETS  MEMBER           LAST
logs.2024.alpha        2  a-worke…ng-name  12:00:01
ci                    12  bo               -
";
    assert_eq!(shown(&table, 51), expected);
    let expected = "\
ROOM          SOCKETS  MEMBER        LAST
logs.2…alpha        2  a-work…-name  12:00:01
ci                 12  bo            -
";
    assert_eq!(shown(&table, 45), expected);
}

#[test]
fn what_cannot_give_way_is_cut_at_its_end() {
    let table = table(&[["logs.2024.alpha", "2", "alice", "12:00:01"]]);
    let expected = "\
ROOM      SOCKETS  MEMBE…
logs…pha        2  alice…
";
    assert_eq!(shown(&table, 25), expected);
    assert_eq!(shown(&table, 1), "…\n…\n");
    assert_eq!(shown(&table, 0), "\n\n");
}

#[test]
fn times_lose_their_year_and_seconds_before_anything_is_cut() {
    let mut table = Table::new([Column::name("ROOM"), Column::time("LAST")]);
    table.push(["logs.2024.alpha", "2025-01-31 12:00:05"].map(str::to_owned));
    table.push(["ci", "-"].map(str::to_owned));
    let shown = |columns| text(&table.lines(Some(columns)), Paint::Plain);
    assert_eq!(
        shown(29),
        "ROOM      LAST\nlogs…pha  2025-01-31 12:00:05\nci        -\n"
    );
    assert_eq!(
        shown(28),
        "ROOM             LAST\nlogs.2024.alpha  01-31 12:00\nci               -\n"
    );
    assert_eq!(
        shown(21),
        "ROOM      LAST\nlogs…pha  01-31 12:00\nci        -\n"
    );
    assert_eq!(
        shown(20),
        "ROOM      LAST\nlogs…pha  01-31 12:…\nci        -\n"
    );
}

#[test]
fn wide_characters_are_cut_between_two_of_them_and_marks_stay_with_their_letter() {
    for (text, room, cut) in [
        ("漢字漢字", 7, "漢…字"),
        ("漢字漢字", 8, "漢字漢字"),
        ("漢字", 2, "…"),
        ("漢字", 1, "…"),
        ("漢字", 0, ""),
        ("abcdef", 5, "ab…ef"),
        ("abcdef", 4, "ab…f"),
        ("xe\u{301}ye\u{301}ze\u{301}", 4, "xe\u{301}…e\u{301}"),
        ("abcde\u{301}", 3, "a…e\u{301}"),
    ] {
        assert_eq!(cut_middle(text, room), cut, "{text} in {room}");
    }
}

#[test]
fn heads_and_notes_have_their_look_where_there_are_colours() {
    colored::control::set_override(true);
    let mut lines = table(&[["ci", "1", "bo", "-"]]).lines(None);
    lines.push(TableLine::note("gone\u{1b}[2J", Some(6)));
    let painted: Vec<String> = lines
        .iter()
        .map(|line| line.painted(Paint::Colours))
        .collect();
    assert_eq!(
        painted,
        [
            "\u{1b}[1mROOM  SOCKETS  MEMBER  LAST\u{1b}[0m",
            "ci          1  bo      -",
            "\u{1b}[2mgone␛…\u{1b}[0m",
        ]
    );
    assert_eq!(lines[1].width(), 24);
}

/// What peers may call themselves and their rooms, and worse.
fn name() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        proptest::char::range('\0', '\u{9f}'),
        proptest::char::range('漢', '猫'),
        proptest::char::range('\u{300}', '\u{36f}'),
        proptest::char::range('\u{1f300}', '\u{1f64f}'),
        proptest::sample::select(vec![
            '\u{fe0f}', '\u{200d}', '\u{202e}', '\u{2028}', '\u{ad}'
        ]),
        proptest::char::range('a', 'z'),
    ];
    vec(character, 0..40).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal_and_none_commands_it(
        rows in vec([name(), name(), name(), name()], 0..6),
        columns in 0_usize..120,
    ) {
        let mut table = Table::new(COLUMNS);
        for row in rows.clone() {
            table.push(row);
        }
        let lines = table.lines(Some(columns));
        prop_assert_eq!(lines.len(), rows.len() + 1);
        for line in &lines {
            prop_assert!(line.text().width() <= columns, "{}", line.text());
            prop_assert!(line.width() <= columns, "{}", line.text());
            prop_assert!(!line.text().chars().any(term::is_control), "{:?}", line.text());
        }
        let all = table.widths(None).iter().sum::<usize>() + 3 * GAP.len();
        prop_assert_eq!(table.lines(Some(all)), table.lines(None), "what has room is not cut");
    }
}
