//! Renders man/roomcat.1 and one page per command from the definitions of the command line.
//!
//! Not with `clap_mangen`: it lists every flag in SYNOPSIS, puts arguments under OPTIONS, repeats the NAME line in
//! DESCRIPTION, and does not wrap lines, so little more than the heads of options would come from it.

use clap::builder::StyledStr;
use clap::{Arg, Command};
use roomcat::cli::args;
use roomcat::cli::settings::VARIABLES;

use super::{folder, names, read};

/// The date of the last change of substance.
const DATE: &str = "2026-11-29";

/// The pages written by hand. Every SEE ALSO names them.
const BY_HAND: [&str; 3] = [
    "roomcat-config.toml(5)",
    "roomcat-hub.toml(5)",
    "roomcat-protocol(7)",
];

/// Commands whose pages name each other in SEE ALSO. A command in no group names only the pages of its parents.
const RELATED: [&[&str]; 4] = [
    &["serve", "config", "demo"],
    &["pub", "sub", "request", "chat"],
    &["join", "leave", "rooms", "queue", "who", "kick"],
    &["emit", "on"],
];

struct Page {
    file: String,
    text: String,
}

/// The page of the program and one for each command and subcommand.
fn render() -> Vec<Page> {
    let mut root = args::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    render_into(&root, &root, &mut pages);
    pages
}

fn render_into(root: &Command, command: &Command, pages: &mut Vec<Page>) {
    pages.push(page(root, command));
    for sub in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        render_into(root, sub, pages);
    }
}

fn page(root: &Command, command: &Command) -> Page {
    let name = display_name(command).to_owned();
    let about = text_of(command.get_about());
    let mut text = format!(
        ".TH {} 1 {DATE} \"roomcat {}\" \"roomcat manual\"\n.SH NAME\n{}{}",
        escape(&name.to_uppercase()),
        env!("CARGO_PKG_VERSION"),
        flowing(&format!("{name} - {about}")),
        synopsis(command)
    );
    text += &description(command, &about);
    let arguments = command.get_positionals().filter(|it| !it.is_hide_set());
    text += &entries("ARGUMENTS", arguments.map(argument));
    // In the order of the help: options without a heading first.
    let options: Vec<&Arg> = command
        .get_arguments()
        .filter(|it| !it.is_positional() && !it.is_hide_set())
        .collect();
    let mut headings: Vec<Option<&str>> = Vec::new();
    for option in &options {
        let heading = option.get_help_heading();
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    headings.sort_by_key(|heading| heading.is_some());
    for heading in headings {
        let under = options.iter().filter(|it| it.get_help_heading() == heading);
        let title = heading.unwrap_or("Options").to_uppercase();
        text += &entries(&title, under.map(|it| option(it)));
    }
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
    text += &entries("COMMANDS", commands.map(subcommand));
    text += &after(root, command);
    if command.get_name() == root.get_name() {
        text += &environment_and_files();
    }
    text += &see_also(root, command);
    Page {
        file: format!("{name}.1"),
        text,
    }
}

fn display_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn text_of(styled: Option<&StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}

/// The usage line of the help. A list of all flags would be too long to read.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let rest = usage.strip_prefix(name).unwrap_or(usage);
    format!(".SH SYNOPSIS\n\\fB{}\\fR{}\n", escape(name), escape(rest))
}

/// The long help without its first line, which is in NAME already; or that line, if there is no more.
fn description(command: &Command, about: &str) -> String {
    let long = text_of(command.get_long_about());
    let more = long.strip_prefix(about).unwrap_or(&long).trim_start();
    let text = if more.is_empty() { about } else { more };
    let paragraphs: Vec<String> = text.split("\n\n").map(flowing).collect();
    format!(".SH DESCRIPTION\n{}", paragraphs.join(".PP\n"))
}

/// A section of tagged paragraphs; empty without entries.
fn entries(title: &str, entries: impl Iterator<Item = (String, String)>) -> String {
    let mut text = String::new();
    for (head, body) in entries {
        let paragraphs: Vec<String> = body.split("\n\n").map(flowing).collect();
        text += &format!(".TP\n{head}\n{}", paragraphs.join(".IP\n"));
    }
    if text.is_empty() {
        text
    } else {
        format!(".SH {title}\n{text}")
    }
}

fn argument(arg: &Arg) -> (String, String) {
    let more = if arg.get_num_args().is_some_and(|it| it.max_values() > 1) {
        "..."
    } else {
        ""
    };
    let name = values(arg);
    let head = if arg.is_required_set() {
        format!("{name}{more}")
    } else {
        format!("[{name}]{more}")
    };
    (head, help(arg))
}

fn option(arg: &Arg) -> (String, String) {
    let short = arg.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    let long = arg.get_long();
    let long = long.map(|long| format!("\\fB{}\\fR", escape(&format!("--{long}"))));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let mut head = names.join(", ");
    let takes = arg.get_num_args().expect("the command line is built");
    if takes.takes_values() {
        let more = if takes.max_values() > 1 { "..." } else { "" };
        let value = values(arg);
        head += &match takes.min_values() {
            0 => format!(" [{value}]{more}"),
            _ => format!(" {value}{more}"),
        };
    }
    (head, help(arg))
}

/// The names of the argument's values.
fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("\\fI{}\\fR", escape(name)))
        .collect();
    names.join(" ")
}

/// The long help, with the default and the possible values, which clap adds as well.
fn help(arg: &Arg) -> String {
    let mut text = text_of(arg.get_long_help().or(arg.get_help()));
    let takes = arg.get_num_args().is_some_and(|it| it.takes_values());
    let defaults = arg.get_default_values();
    if takes && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        let defaults: Vec<_> = defaults.iter().map(|it| it.to_string_lossy()).collect();
        text += &format!(" [default: {}]", defaults.join(" "));
    }
    let possible = if takes {
        arg.get_possible_values()
    } else {
        Vec::new()
    };
    for value in possible.iter().filter(|it| !it.is_hide_set()) {
        let means = value.get_help().map(|help| format!(": {help}"));
        text += &format!("\n\n{}{}", value.get_name(), means.unwrap_or_default());
    }
    text
}

fn subcommand(command: &Command) -> (String, String) {
    let head = format!("{}(1)", escape(display_name(command)));
    (head, text_of(command.get_about()))
}

/// The sections ENVIRONMENT and FILES.
fn environment_and_files() -> String {
    let bold = |(name, means): &(&str, &str)| {
        let head = format!("\\fB{}\\fR", escape(name));
        (head, (*means).to_owned())
    };
    let file = |(name, means): &(&str, &str)| {
        let head = format!("\\fI{}\\fR", escape(name));
        (head, (*means).to_owned())
    };
    entries("ENVIRONMENT", ENVIRONMENT.iter().map(bold)) + &entries("FILES", FILES.iter().map(file))
}

const ENVIRONMENT: [(&str, &str); 14] = [
    (
        "ROOMCAT_URL",
        "The hub's URL, as for --url. A flag wins over its variable, and -H on the command line wins over this variable.",
    ),
    (
        "ROOMCAT_HUB",
        "A hub of the settings file, as for --hub. Ignored if ROOMCAT_URL names another hub.",
    ),
    (
        "ROOMCAT_NAMESPACE",
        "The namespace of rooms given without one.",
    ),
    ("ROOMCAT_AS", "The client name."),
    (
        "ROOMCAT_TOKEN_FILE",
        "A file whose first line is the token, for clients and for roomcat-serve(1). Clients send this token to any hub.",
    ),
    ("ROOMCAT_CONFIG", "The hub.toml of roomcat-serve(1)."),
    (
        "ROOMCAT_ROOM, ROOMCAT_EVENT, ROOMCAT_FROM, ROOMCAT_SEQ, ROOMCAT_TIME, ROOMCAT_REPLY",
        "Set for the commands of `roomcat sub --exec`, together with ROOMCAT_NAMESPACE and the variables that name the hub.",
    ),
    (
        "XDG_CONFIG_HOME",
        "The folder of the settings file [default: ~/.config].",
    ),
    (
        "XDG_STATE_HOME",
        "The folder of a hub's database [default: ~/.local/state].",
    ),
    ("HOME", "The home folder, ~."),
    (
        "NO_COLOR",
        "If set, no colours, unless --color asks for them.",
    ),
    ("FORCE_COLOR", "If set, colours even without a terminal."),
    (
        "TERM",
        "If `dumb`, roomcat draws no progress, tables that refresh, or line editor.",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "The certificates to trust for wss:// and https://, instead of the system's.",
    ),
];

const FILES: [(&str, &str); 3] = [
    (
        "$XDG_CONFIG_HOME/roomcat/config.toml, ~/.config/roomcat/config.toml",
        "The optional settings file, with hubs by name: roomcat-config.toml(5).",
    ),
    (
        "$XDG_STATE_HOME/roomcat/roomcat.db, ~/.local/state/roomcat/roomcat.db",
        "The database of a hub that is started without --db. It is an SQLite file, which sqlite3(1) can read at any time. \
         SQLite keeps its write-ahead log beside it (-wal, -shm), and the hub a lock (.lock), so that only one hub uses it.",
    ),
    (
        "hub.toml",
        "The file of `roomcat serve --config`: roomcat-hub.toml(5).",
    ),
];

/// The exit codes, which every page takes from the program, and the examples.
fn after(root: &Command, command: &Command) -> String {
    let own = command.get_after_long_help().map(ToString::to_string);
    let (own_codes, examples) = split(own.as_deref().unwrap_or_default());
    let roots = root.get_after_long_help().map(ToString::to_string);
    let (all_codes, _) = split(roots.as_deref().unwrap_or_default());
    let codes = if own_codes.is_empty() {
        all_codes
    } else {
        own_codes
    };
    format!(
        ".SH \"EXIT STATUS\"\n{}.SH EXAMPLES\n{}",
        as_typed(&codes),
        as_typed(&examples)
    )
}

/// The lines below "Exit codes:" and those below "Example:" or "Examples:".
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut codes, mut examples) = (Vec::new(), Vec::new());
    let mut into = None;
    for line in text.lines() {
        match line {
            "Exit codes:" => into = Some(&mut codes),
            "Example:" | "Examples:" => into = Some(&mut examples),
            "" => {}
            line => match into.as_mut() {
                Some(lines) => lines.push(line.trim_start()),
                None => {
                    panic!("{line:?} after the help is neither an exit code nor an example")
                }
            },
        }
    }
    (codes, examples)
}

/// The examples of every page, as typed.
pub fn examples() -> Vec<String> {
    fn collect(command: &Command, examples: &mut Vec<String>) {
        let text = command.get_after_long_help().map(ToString::to_string);
        let (_, own) = split(text.as_deref().unwrap_or_default());
        examples.extend(own.into_iter().map(str::to_owned));
        for sub in command.get_subcommands().filter(|it| !it.is_hide_set()) {
            collect(sub, examples);
        }
    }
    let mut examples = Vec::new();
    collect(&args::command(), &mut examples);
    examples
}

fn as_typed(lines: &[&str]) -> String {
    let mut text = ".nf\n".to_owned();
    for line in lines {
        // A period at the start of a line would begin a macro.
        text += &format!("\\&{}\n", escape(line));
    }
    text + ".fi\n"
}

/// The parents of a command, the commands related to it, and the pages by hand. A new command changes few pages.
fn see_also(root: &Command, command: &Command) -> String {
    let own = display_name(command);
    let top = own.split('-').nth(1).unwrap_or_default();
    let group = RELATED.iter().find(|group| group.contains(&top));
    let related = root.get_subcommands().filter(|it| {
        it.get_name() == top || group.is_some_and(|group| group.contains(&it.get_name()))
    });
    let mut pages: Vec<String> = std::iter::once(root)
        .chain(related)
        .map(display_name)
        .filter(|name| *name != own)
        .map(|name| format!("{name}(1)"))
        .collect();
    pages.extend(BY_HAND.map(str::to_owned));
    let pages: Vec<String> = pages.iter().map(|page| escape(page)).collect();
    format!(".SH \"SEE ALSO\"\n{}\n", pages.join(",\n"))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
}

/// The longest source line that `mandoc -T lint` accepts.
const WIDTH: usize = 80;

/// A paragraph as wrapped source lines.
fn flowing(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = in_ascii(&escape(word));
        if line.len() + 1 + word.len() > WIDTH && !line.is_empty() {
            lines += &format!("{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        } else if word.starts_with('.') {
            // At the start of a line, it would begin a macro.
            word.insert_str(0, "\\&");
        }
        line += &word;
    }
    format!("{lines}{line}\n")
}

/// Escapes other characters, as man page readers expect.
fn in_ascii(text: &str) -> String {
    let spelled = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            format!("\\[u{:04X}]", u32::from(c))
        }
    };
    text.chars().map(spelled).collect()
}

#[test]
fn pages_of_commands_are_what_the_definitions_render_to() {
    let pages = render();
    let mut stale: Vec<String> = names();
    stale.retain(|name| name.ends_with(".1") && pages.iter().all(|page| page.file != *name));
    if std::env::var_os("ROOMCAT_RENDER").is_some() {
        for page in &pages {
            std::fs::write(folder().join(&page.file), &page.text).expect("man/ can be written");
        }
        for name in stale {
            std::fs::remove_file(folder().join(name)).expect("man/ can be written");
        }
        return;
    }
    let differs = |page: &&Page| {
        let found = std::fs::read_to_string(folder().join(&page.file));
        found.ok().as_deref() != Some(&page.text)
    };
    let wrong: Vec<&str> = pages
        .iter()
        .filter(differs)
        .map(|page| &*page.file)
        .collect();
    assert!(
        wrong.is_empty() && stale.is_empty(),
        "man/ is not what the definitions render to: {wrong:?} differ, {stale:?} are of no command.\n\
         To write the pages anew: ROOMCAT_RENDER=1 cargo test --test main manual"
    );
}

#[test]
fn a_page_has_the_long_help_the_examples_and_the_exit_codes() {
    let page = read("roomcat-pub.1").replace('\n', " ");
    for part in [
        "`pub` exits when the hub has confirmed everything",
        "make 2>&1 | roomcat pub ci",
        ".SH \"EXIT STATUS\"",
        "\\-\\-require was not met",
        "ROOMCAT_URL",
        "roomcat\\-protocol(7)",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_page_shows_what_its_command_takes() {
    for (page, flags) in [
        ("roomcat-serve.1", &["url", "hub", "namespace", "as"][..]),
        ("roomcat-demo.1", &["url", "token\\-file"]),
        ("roomcat-completions.1", &["hub", "as", "token\\-file"]),
    ] {
        let text = read(page);
        for flag in flags {
            assert!(
                !text.contains(&format!("\\-\\-{flag}\\fR")),
                "{page}: {flag}"
            );
        }
    }
    let text = read("roomcat-pub.1");
    let (arguments, options) = text.split_once(".SH OPTIONS\n").expect("it has options");
    assert!(
        arguments.contains(".SH ARGUMENTS\n.TP\n[\\fIROOM\\fR]\n"),
        "{arguments}"
    );
    assert!(!options.contains("\n[\\fI"), "{options}");
    // The description does not repeat the name, and paragraphs stay apart.
    assert_eq!(text.matches("Publish to a room").count(), 1);
    assert!(
        text.contains("\\-\\-stream`\n.IP\nThe stream is sent"),
        "{text}"
    );
}

#[test]
fn the_page_of_the_program_names_every_variable() {
    let text = read("roomcat.1");
    let (_, environment) = text.split_once(".SH ENVIRONMENT\n").expect("a section");
    let (environment, files) = environment.split_once(".SH FILES\n").expect("and a next");
    for name in VARIABLES {
        assert!(environment.contains(&format!("\\fB{name}\\fR")), "{name}");
    }
    assert!(files.contains("config.toml") && files.contains("roomcat.db"));
}
