//! man/roomcat.1 and one page a command, rendered from the definitions of the command line.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use roomcat::cli::args::Cli;

use super::{folder, names, read};

/// Of the pages' last change of substance.
const DATE: &str = "2026-11-22";

/// Pages beside those of commands, as `SEE ALSO` names them.
const BY_HAND: [&str; 3] = [
    "roomcat-config.toml(5)",
    "roomcat-hub.toml(5)",
    "roomcat-protocol(7)",
];

struct Page {
    file: String,
    text: String,
}

/// The page of the program and that of each command, those in commands included.
fn render() -> Vec<Page> {
    let mut root = Cli::command().disable_help_subcommand(true);
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
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .date(DATE)
        .source(format!("roomcat {}", env!("CARGO_PKG_VERSION")))
        .manual("roomcat manual");
    let mut text = Vec::new();
    let sections = |text: &mut Vec<u8>| {
        man.render_title(text)?;
        man.render_name_section(text)?;
        text.extend(synopsis(command).into_bytes());
        man.render_description_section(text)?;
        if command.get_arguments().any(|arg| !arg.is_hide_set()) {
            man.render_options_section(text)?;
        }
        if command.get_subcommands().any(|it| !it.is_hide_set()) {
            man.render_subcommands_section(text)?;
        }
        std::io::Result::Ok(())
    };
    sections(&mut text).expect("writing into memory");
    let mut text = String::from_utf8(text).expect("a page is text");
    text += &after(root, command);
    text += &see_also(root, command);
    Page {
        file: format!("{name}.1"),
        text: tidy(&text),
    }
}

fn display_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

/// The line that the help shows: flags one by one would hide what matters.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let rest = usage.strip_prefix(name).unwrap_or(usage);
    format!(".SH SYNOPSIS\n\\fB{}\\fR{}\n", escape(name), escape(rest))
}

/// What stands behind the help: exit codes (the program's own, on every page) and examples.
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
                    panic!("{line:?} stands behind the help, and is neither a code nor an example")
                }
            },
        }
    }
    (codes, examples)
}

/// The examples of every page, as they are typed.
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
    collect(&Cli::command(), &mut examples);
    examples
}

fn as_typed(lines: &[&str]) -> String {
    let mut text = ".nf\n".to_owned();
    for line in lines {
        // A period at the start of a line would be a request.
        text += &format!("\\&{}\n", escape(line));
    }
    text + ".fi\n"
}

fn see_also(root: &Command, command: &Command) -> String {
    let own = display_name(command);
    let commands = root.get_subcommands().filter(|it| !it.is_hide_set());
    let mut pages: Vec<String> = std::iter::once(root)
        .chain(commands)
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

/// Without what renders to nothing and is found fault with.
fn tidy(text: &str) -> String {
    let mut tidy = String::new();
    for line in text.lines() {
        let line = line.trim_end();
        // Sections are rendered one by one, each with the definition of the apostrophe.
        let again = line.starts_with(".ie ") || line.starts_with(".el ");
        let again = again && tidy.contains(line) || line == ".br" && tidy.ends_with(".br\n");
        if !line.is_empty() && !again {
            tidy += line;
            tidy.push('\n');
        }
    }
    tidy
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
    let page = read("roomcat-pub.1");
    for part in [
        "Ends when the hub has confirmed everything",
        "make 2>&1 | roomcat pub ci",
        ".SH \"EXIT STATUS\"",
        "\\-\\-require was not met",
        "ROOMCAT_URL",
        "roomcat\\-protocol(7)",
    ] {
        assert!(page.contains(part), "{part}");
    }
}
