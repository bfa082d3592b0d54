//! `config`: the settings in force and the source of each value, as a table or as objects. A value that may be a secret is
//! not shown.

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

/// One setting. Several rows may have the same name (headers).
#[derive(Debug, PartialEq, Eq)]
struct Row {
    setting: &'static str,
    value: Option<String>,
    source: RowSource,
}

#[derive(Debug, PartialEq, Eq)]
enum RowSource {
    Default,
    Flag(&'static str),
    Variable(&'static str),
    File {
        path: String,
        line: usize,
    },
    /// Of the file itself.
    Path {
        exists: bool,
    },
}

fn rows(args: &ConfigArgs, settings: &Settings) -> Vec<Row> {
    let server = settings.server.with_flags(&args.remote);
    let file = settings.file_path.as_deref();
    let root = Sourced::default(Namespace::root());
    let namespace = settings.namespace.as_ref().unwrap_or(&root);
    let default_path = Sourced::default(EnginePath::default());
    let path = server.path.as_ref().unwrap_or(&default_path);
    let builder = RowBuilder { file };
    let mut rows = vec![
        Row {
            setting: "file",
            value: file.map(|path| path.display().to_string()),
            source: RowSource::Path {
                exists: settings.file_exists,
            },
        },
        builder.optional("hub", settings.hub.as_ref(), String::clone),
        builder.row("url", &settings.url, ToString::to_string),
        builder.row("namespace", namespace, ToString::to_string),
        builder.optional("as", settings.name.as_ref(), ToString::to_string),
        builder.optional("token-file", settings.token_file.as_ref(), |path| {
            path.display().to_string()
        }),
        builder.row("path", path, ToString::to_string),
    ];
    for parameter in &server.query {
        rows.push(builder.row("query", parameter, |it| format!("{}=…", it.name())));
    }
    for header in &server.headers {
        rows.push(builder.row("header", header, |it| format!("{}: …", it.name())));
    }
    if let Some(auth) = &server.auth {
        rows.push(builder.row("auth", auth, masked_auth));
    }
    rows.push(builder.row("quiet", &settings.quiet, ToString::to_string));
    rows.push(builder.row("verbose", &settings.verbose, ToString::to_string));
    rows.push(builder.row("color", &settings.color, |when| color(*when).to_owned()));
    rows
}

struct RowBuilder<'a> {
    file: Option<&'a Path>,
}

impl RowBuilder<'_> {
    fn row<T>(
        &self,
        setting: &'static str,
        it: &Sourced<T>,
        show: impl FnOnce(&T) -> String,
    ) -> Row {
        Row {
            setting,
            value: Some(show(&it.value)),
            source: self.source(it.source),
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
                source: RowSource::Default,
            },
        }
    }

    fn source(&self, source: Source) -> RowSource {
        match source {
            Source::Default => RowSource::Default,
            Source::Flag(flag) => RowSource::Flag(flag),
            Source::Environment(name) => RowSource::Variable(name),
            Source::File(line) => {
                let path = self.file.map(|path| path.display().to_string());
                let path = path.unwrap_or_default();
                RowSource::File { path, line }
            }
        }
    }
}

fn masked_auth(text: &AuthText) -> String {
    match text {
        AuthText::Json(_) => "{…}".to_owned(),
        AuthText::File(path) => format!("@{}", path.display()),
    }
}

fn color(when: ColorChoice) -> &'static str {
    match when {
        ColorChoice::Auto => "auto",
        ColorChoice::Always => "always",
        ColorChoice::Never => "never",
    }
}

impl RowSource {
    fn as_text(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Flag(name) | Self::Variable(name) => (*name).to_owned(),
            Self::File { path, line } => format!("{path}:{line}"),
            Self::Path { exists: true } => "read".to_owned(),
            Self::Path { exists: false } => "not there".to_owned(),
        }
    }

    fn as_json(&self) -> Value {
        match self {
            Self::Default => json!("default"),
            Self::Flag(name) => json!({ "flag": name }),
            Self::Variable(name) => json!({ "variable": name }),
            Self::File { path, line } => json!({ "file": path, "line": line }),
            Self::Path { exists } => json!({ "there": exists }),
        }
    }
}

fn as_objects(rows: &[Row]) -> String {
    let objects = rows.iter().map(|row| {
        let Row {
            setting,
            value,
            source,
        } = row;
        let object = json!({ "setting": setting, "value": value, "from": source.as_json() });
        format!("{object}\n")
    });
    objects.collect()
}

fn as_table(rows: &[Row]) -> String {
    let head = ["SETTING", "VALUE", "FROM"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let value = row.value.as_deref().map(term::visible);
        let value = value.map_or("-".to_owned(), |value| value.into_owned());
        let from = term::visible(&row.source.as_text()).into_owned();
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
