//! `config`: what is in force and where each value comes from, as a table or as objects.
//!
//! Whatever may be a secret is shown by its name only.

use std::path::Path;

use colored::Colorize as _;
use serde_json::{Value, json};

use crate::address::Namespace;
use crate::cli::args::config::ConfigArgs;
use crate::cli::args::values::AuthText;
use crate::cli::failure::Failure;
use crate::cli::io::stdout;
use crate::cli::screen::term;
use crate::cli::screen::term::ColorChoice;
use crate::cli::settings::Settings;
use crate::cli::settings::source::{Source, Sourced};
use crate::client::dial_options::EnginePath;

pub fn run(args: &ConfigArgs, settings: &Settings) -> Result<(), Failure> {
    let rows = rows(args, settings);
    let text = if args.json {
        as_objects(&rows)
    } else {
        as_table(&rows)
    };
    stdout::print(&text).map_err(Failure::Output)
}

/// One setting, of which there may be several of a name (headers).
#[derive(Debug, PartialEq, Eq)]
struct Row {
    setting: &'static str,
    /// None: there is none.
    value: Option<String>,
    origin: Origin,
}

#[derive(Debug, PartialEq, Eq)]
enum Origin {
    Default,
    Flag(&'static str),
    Variable(&'static str),
    File {
        path: String,
        line: usize,
    },
    /// The file itself: it is where it is.
    Place {
        is_there: bool,
    },
}

fn rows(args: &ConfigArgs, settings: &Settings) -> Vec<Row> {
    let server = settings.server.under(&args.remote);
    let file = settings.place.as_deref();
    let maker = Maker { file };
    let mut rows = vec![
        Row {
            setting: "file",
            value: file.map(|path| path.display().to_string()),
            origin: Origin::Place {
                is_there: settings.is_there,
            },
        },
        maker.optional("hub", settings.hub.as_ref(), String::clone),
        maker.row("url", &settings.url, ToString::to_string),
    ];
    let root = Sourced::default(Namespace::root());
    let namespace = settings.namespace.as_ref().unwrap_or(&root);
    rows.push(maker.row("namespace", namespace, ToString::to_string));
    rows.push(maker.optional("as", settings.name.as_ref(), ToString::to_string));
    rows.push(
        maker.optional("token-file", settings.token_file.as_ref(), |path| {
            path.display().to_string()
        }),
    );
    let usual = Sourced::default(EnginePath::default());
    let path = server.path.as_ref().unwrap_or(&usual);
    rows.push(maker.row("path", path, ToString::to_string));
    rows.extend(
        server
            .query
            .iter()
            .map(|it| maker.row("query", it, |it| format!("{}=…", it.name()))),
    );
    rows.extend(
        server
            .headers
            .iter()
            .map(|it| maker.row("header", it, |it| format!("{}: …", it.name()))),
    );
    rows.extend(server.auth.iter().map(|it| maker.row("auth", it, auth)));
    rows.push(maker.row("quiet", &settings.quiet, ToString::to_string));
    rows.push(maker.row("verbose", &settings.verbose, ToString::to_string));
    rows.push(maker.row("color", &settings.color, |when| colour(*when).to_owned()));
    rows
}

struct Maker<'a> {
    file: Option<&'a Path>,
}

impl Maker<'_> {
    fn row<T>(
        &self,
        setting: &'static str,
        it: &Sourced<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Row {
        Row {
            setting,
            value: Some(show(&it.value)),
            origin: self.origin(it.source),
        }
    }

    fn optional<T>(
        &self,
        setting: &'static str,
        it: Option<&Sourced<T>>,
        show: impl FnOnce(&T) -> String,
    ) -> Row {
        match it {
            Some(it) => self.row(setting, it, show),
            None => Row {
                setting,
                value: None,
                origin: Origin::Default,
            },
        }
    }

    fn origin(&self, source: Source) -> Origin {
        match source {
            Source::Default => Origin::Default,
            Source::Flag(flag) => Origin::Flag(flag),
            Source::Environment(name) => Origin::Variable(name),
            Source::File(line) => {
                let path = self.file.map(|path| path.display().to_string());
                let path = path.unwrap_or_default();
                Origin::File { path, line }
            }
        }
    }
}

fn auth(text: &AuthText) -> String {
    match text {
        AuthText::Json(_) => "{…}".to_owned(),
        AuthText::File(path) => format!("@{}", path.display()),
    }
}

fn colour(when: ColorChoice) -> &'static str {
    match when {
        ColorChoice::Auto => "auto",
        ColorChoice::Always => "always",
        ColorChoice::Never => "never",
    }
}

impl Origin {
    fn shown(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Flag(name) | Self::Variable(name) => (*name).to_owned(),
            Self::File { path, line } => format!("{path}:{line}"),
            Self::Place { is_there: true } => "read".to_owned(),
            Self::Place { is_there: false } => "not there".to_owned(),
        }
    }

    fn object(&self) -> Value {
        match self {
            Self::Default => json!("default"),
            Self::Flag(name) => json!({ "flag": name }),
            Self::Variable(name) => json!({ "variable": name }),
            Self::File { path, line } => json!({ "file": path, "line": line }),
            Self::Place { is_there } => json!({ "there": is_there }),
        }
    }
}

fn as_objects(rows: &[Row]) -> String {
    let objects = rows.iter().map(|row| {
        let Row {
            setting,
            value,
            origin,
        } = row;
        let object = json!({ "setting": setting, "value": value, "from": origin.object() });
        format!("{object}\n")
    });
    objects.collect()
}

fn as_table(rows: &[Row]) -> String {
    let head = ["SETTING", "VALUE", "FROM"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let value = row.value.as_deref().map(term::visible);
        let value = value.map_or("-".to_owned(), |value| value.into_owned());
        let from = term::visible(&row.origin.shown()).into_owned();
        [row.setting.to_owned(), value, from]
    });
    let cells: Vec<[String; 3]> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| cells.iter().map(|it| it[column].chars().count()).max();
    let (first, second) = (width(0).unwrap_or_default(), width(1).unwrap_or_default());
    let mut lines = cells
        .iter()
        .map(|[setting, value, from]| format!("{setting:<first$}  {value:<second$}  {from}\n"));
    let head = lines.next().unwrap_or_default();
    let head = if term::stdout_colour() {
        format!("{}\n", head.trim_end().bold())
    } else {
        head
    };
    std::iter::once(head).chain(lines).collect()
}
