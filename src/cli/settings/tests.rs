//! Which source wins for each setting, and mistakes in config.toml by a table.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;
use crate::cli::args::Cli;

const FILE: &str = "\
default = \"home\"

[hubs.school]
url = \"wss://hub.school.example/class\"
as = \"teacher\"
token-file = \"~/school.token\"
header = [\"X-A: 1\", \"X-B: 2\"]

[hubs.home]
url = \"unix:hub.sock\"
namespace = \"/home\"
token-file = \"home.token\"

[defaults]
color = \"never\"
quiet = true
";

fn parsed(text: &str) -> Result<ConfigFile, SettingsError> {
    ConfigFile::parse(Path::new("/c/config.toml"), text, Some(Path::new("/h")))
}

fn resolve(line: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let words = ["roomcat", "rooms"]
        .into_iter()
        .chain(line.split_whitespace());
    let cli = Cli::read(words.map(OsString::from)).unwrap();
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let get = |name: &str| variables.get(name).map(OsString::from);
    let file = parsed(FILE).unwrap();
    let found = FoundFile {
        path: Some("/c/config.toml".into()),
        file: Some(file),
    };
    Settings::for_client(&cli.global, found, &Environment(&get))
}

/// Hub, URL, namespace, name and token file, with where each comes from.
fn shown(settings: &Settings) -> String {
    fn one<T>(it: Option<&Sourced<T>>, show: impl Fn(&T) -> String) -> String {
        it.map_or("-".to_owned(), |it| {
            let source = match it.source {
                Source::Default => "default".to_owned(),
                Source::File(line) => line.to_string(),
                Source::Environment(name) | Source::Flag(name) => name.to_owned(),
            };
            format!("{}@{source}", show(&it.value))
        })
    }
    [
        one(settings.hub.as_ref(), String::clone),
        one(Some(&settings.url), ToString::to_string),
        one(settings.namespace.as_ref(), ToString::to_string),
        one(settings.name.as_ref(), ToString::to_string),
        one(settings.token_file.as_ref(), |it| it.display().to_string()),
    ]
    .join(" ")
}

#[test]
fn each_setting_comes_from_the_strongest_place_that_has_it() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case] = &[
        (
            "",
            &[],
            "home@1 unix:/c/hub.sock@10 /home@11 - /c/home.token@12",
        ),
        (
            "-H school",
            &[],
            "school@--hub wss://hub.school.example@4 /class@4 teacher@5 /h/school.token@6",
        ),
        (
            "",
            &[("ROOMCAT_HUB", "school")],
            "school@ROOMCAT_HUB wss://hub.school.example@4 /class@4 teacher@5 /h/school.token@6",
        ),
        (
            "-H school --as a --namespace /n --token-file t",
            &[
                ("ROOMCAT_AS", "b"),
                ("ROOMCAT_NAMESPACE", "/b"),
                ("ROOMCAT_TOKEN_FILE", "b"),
            ],
            "school@--hub wss://hub.school.example@4 /n@--namespace a@--as t@--token-file",
        ),
        (
            "-H school",
            &[
                ("ROOMCAT_AS", "b"),
                ("ROOMCAT_NAMESPACE", "/b"),
                ("ROOMCAT_TOKEN_FILE", "b"),
            ],
            "school@--hub wss://hub.school.example@4 /b@ROOMCAT_NAMESPACE b@ROOMCAT_AS b@ROOMCAT_TOKEN_FILE",
        ),
        // Another URL is another hub: the token stays at home.
        ("-u ws://other", &[], "- ws://other@--url - - -"),
        (
            "",
            &[("ROOMCAT_URL", "ws://other/x")],
            "- ws://other@ROOMCAT_URL /x@ROOMCAT_URL - -",
        ),
        (
            "-u ws://other",
            &[("ROOMCAT_HUB", "school"), ("ROOMCAT_URL", "ws://b")],
            "- ws://other@--url - - -",
        ),
        // The same if both are variables, unless they mean the same URL.
        (
            "",
            &[("ROOMCAT_HUB", "school"), ("ROOMCAT_URL", "ws://tunnel")],
            "- ws://tunnel@ROOMCAT_URL - - -",
        ),
        (
            "",
            &[
                ("ROOMCAT_HUB", "school"),
                ("ROOMCAT_URL", "wss://hub.school.example"),
            ],
            "school@ROOMCAT_HUB wss://hub.school.example@4 /class@4 teacher@5 /h/school.token@6",
        ),
        (
            "-H school",
            &[("ROOMCAT_URL", "ws://b")],
            "school@--hub wss://hub.school.example@4 /class@4 teacher@5 /h/school.token@6",
        ),
        // A URL's path is as strong as the URL.
        (
            "-u ws://h/path",
            &[("ROOMCAT_NAMESPACE", "/b")],
            "- ws://h@--url /path@--url - -",
        ),
        // An empty variable is unset, and a variable beside its flag is not read.
        (
            "-u ws://h",
            &[("ROOMCAT_AS", ""), ("ROOMCAT_URL", "nonsense")],
            "- ws://h@--url - - -",
        ),
    ];
    for (line, variables, expected) in cases {
        let settings = resolve(line, variables).unwrap();
        assert_eq!(shown(&settings), *expected, "{line} {variables:?}");
    }
}

#[test]
fn an_unknown_hub_and_an_invalid_variable_are_errors() {
    let said = |line: &str, variables: &[(&str, &str)]| resolve(line, variables).unwrap_err();
    assert_eq!(
        said("-H shool", &[]).to_string(),
        "there is no hub \"shool\": /c/config.toml has home, school"
    );
    let by_variable = said("", &[("ROOMCAT_HUB", "x")]);
    assert!(matches!(by_variable, SettingsError::UnknownHub { .. }));
    let wrong = said("", &[("ROOMCAT_NAMESPACE", "nosl")]).to_string();
    assert!(wrong.starts_with("ROOMCAT_NAMESPACE: "), "{wrong}");
}

#[test]
fn output_follows_flags_then_variables_then_the_file() {
    let of = |line: &str, variables: &[(&str, &str)]| {
        let it = resolve(line, variables).unwrap();
        (it.color.value, it.quiet.value, it.verbose.value)
    };
    assert_eq!(of("", &[]), (ColorChoice::Never, true, false));
    assert_eq!(of("-v", &[]), (ColorChoice::Never, false, true));
    assert_eq!(
        of("--color always", &[("NO_COLOR", "1")]).0,
        ColorChoice::Always
    );
    assert_eq!(of("", &[("FORCE_COLOR", "1")]).0, ColorChoice::Auto);
    assert_eq!(of("", &[("FORCE_COLOR", "")]).0, ColorChoice::Never);
}

#[test]
fn a_flag_replaces_a_header_of_its_name() {
    let words = "roomcat rooms --header x-a:3 --header X-C:4 --path /p".split(' ');
    let cli = Cli::read(words.map(OsString::from)).unwrap();
    let crate::cli::args::Command::Rooms(args) = &cli.command else {
        panic!("rooms is rooms");
    };
    let server = resolve("-H school", &[])
        .unwrap()
        .server
        .with_flags(&args.remote);
    let shown: Vec<String> = server
        .headers
        .iter()
        .map(|it| format!("{} {:?}", it.value.name(), it.source))
        .collect();
    let flag = |name: &str| format!("{name} Flag(\"--header\")");
    assert_eq!(shown, ["x-b File(7)".to_owned(), flag("x-a"), flag("x-c")]);
    assert_eq!(server.path.unwrap().value.to_string(), "/p/");
}

#[test]
fn a_hub_takes_only_its_token() {
    let typed = GlobalArgs::default();
    let get = |name: &str| Some(OsString::from(format!("nonsense {name}")));
    let hub = Settings::for_hub(&typed, &Environment(&get)).unwrap();
    assert_eq!(
        shown(&hub),
        "- ws://127.0.0.1:7666@default - - nonsense ROOMCAT_TOKEN_FILE@ROOMCAT_TOKEN_FILE"
    );
}

#[test]
fn the_file_is_where_configuration_belongs() {
    let place = |set: &'static [(&'static str, &'static str)]| {
        let get = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        config_file::path(&Environment(&get)).map(|path| path.display().to_string())
    };
    let some = |path: &str| Some(path.to_owned());
    assert_eq!(
        place(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
        some("/x/roomcat/config.toml")
    );
    assert_eq!(
        place(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]),
        some("/h/.config/roomcat/config.toml")
    );
    assert_eq!(
        place(&[("XDG_CONFIG_HOME", ""), ("HOME", "/h")]),
        some("/h/.config/roomcat/config.toml")
    );
    assert_eq!(place(&[]), None);
}

#[test]
fn every_mistake_has_its_place_and_no_value_is_repeated() {
    let cases = [
        ("default = \"x\"", "1:1: default: there is no [hubs.x]"),
        ("[hubs.a]", "1:7: hubs.a: it has no \"url\""),
        (
            "[hubs]\na = 1",
            "2:1: hubs.a: a table belongs here, not a whole number",
        ),
        (
            "[hubs.a]\nurl = \"h\"",
            "2:1: hubs.a.url: a hub's URL begins with ws://, wss://, http://, https:// or unix:, as in ws://127.0.0.1:7666",
        ),
        (
            "[hubs.a]\nurl = \"ws://h\"\ntoken_file = \"x\"",
            "3:1: hubs.a.token_file: there is no such key; did you mean \"token-file\"?",
        ),
        (
            "[hubs.a]\nurl = \"ws://h\"\nheader = [\"A: 1\", \"s3cret\"]",
            "3:19: hubs.a.header[1]: a header is 'Name: value'",
        ),
        (
            "[hubs.a]\nurl = \"ws://h\"\nauth = \"s3cret\"",
            "3:1: hubs.a.auth: auth is a JSON object, as in {\"token\": \"x\"}, or @FILE with one in it",
        ),
        (
            "[defaults]\ncolor = \"pink\"",
            "2:1: defaults.color: there are auto, always and never",
        ),
        (
            "[defaults]\nquiet = true\nverbose = true",
            "3:1: defaults.verbose: quiet and verbose exclude each other",
        ),
        (
            "listen = \"x\"",
            "1:1: listen: there is no such key; there are default, hubs, defaults",
        ),
    ];
    for (text, expected) in cases {
        let Err(SettingsError::Invalid(invalid)) = parsed(text) else {
            panic!("{text} is accepted");
        };
        assert_eq!(
            invalid.lines(),
            [format!("/c/config.toml:{expected}")],
            "{text}"
        );
    }
}

#[test]
fn auth_is_a_text_as_on_the_command_line_or_a_table() {
    let auth = |text: &str| {
        let file = parsed(&format!("[hubs.a]\nurl = \"ws://h\"\nauth = {text}")).unwrap();
        file.hubs["a"].server.auth.clone().unwrap().value
    };
    use crate::cli::args::values::AuthText::{File, Json};
    assert!(auth("'{\"a\": 1}'") == Json("{\"a\": 1}".into()));
    assert!(auth("{ a = 1, b = [true] }") == Json("{\"a\":1,\"b\":[true]}".into()));
    assert!(auth("'@~/auth.json'") == File("/h/auth.json".into()));
    assert!(auth("'@auth.json'") == File("/c/auth.json".into()));
}

#[test]
fn the_example_has_every_key_and_is_fine() {
    let text = include_str!("../../../examples/config.toml");
    let file = parsed(text).unwrap();
    assert_eq!(file.hubs.len(), 3);
    for key in config_file::all_keys().into_iter().flatten() {
        let is_there = |line: &str| {
            let line = line.trim_start_matches('[');
            line.starts_with(&format!("{key} =")) || line.starts_with(&format!("{key}."))
        };
        assert!(
            text.lines().any(is_there) || text.contains(&format!("\n[{key}]")),
            "{key}"
        );
    }
}

proptest! {
    #[test]
    fn every_text_is_read_or_its_mistakes_are_reported(text in file_like()) {
        if let Err(error) = parsed(&text) {
            let SettingsError::Invalid(invalid) = error else {
                panic!("{error}");
            };
            assert!(!invalid.lines().is_empty());
        }
    }
}

/// Texts of what a settings file is made of, and of what it is not.
fn file_like() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("[hubs.a]\n".to_owned()),
        Just("[hubs.\"\"]\n".to_owned()),
        Just("[defaults]\n".to_owned()),
        Just("hubs = 1\n".to_owned()),
        Just("default = \"a\"\n".to_owned()),
        Just("url = \"unix:~/\"\n".to_owned()),
        Just("url = \"ws://h/n\"\n".to_owned()),
        Just("token-file = \"~/\"\n".to_owned()),
        Just("auth = { a = [nan, 1979-05-27] }\n".to_owned()),
        Just("auth = \"@\"\n".to_owned()),
        Just("header = [[\"a:b\"], 1]\n".to_owned()),
        Just("quiet = true\nverbose = true\n".to_owned()),
        ("[a-z]{1,8}", any::<String>()).prop_map(|(key, value)| format!("{key} = {value:?}\n")),
        any::<String>(),
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}
