use std::path::PathBuf;

use clap::error::ErrorKind;

use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    let words = std::iter::once("roomcat").chain(line.split_whitespace());
    Cli::read(words.map(OsString::from))
}

#[test]
fn the_definitions_agree_with_each_other() {
    command().debug_assert();
}

#[test]
fn serve_says_what_it_takes_instead_of_what_is_for_clients() {
    for line in [
        "serve -u ws://h:1",
        "-u ws://h:1 serve",
        "serve --as a",
        "serve -H school",
        "--namespace /n serve",
    ] {
        let error = parsed(line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{line}");
        assert!(error.to_string().contains("--listen ADDRESS"), "{error}");
    }
    let error = parsed("demo --token-file t").unwrap_err().to_string();
    assert!(
        error.contains("--token-file is for") && error.contains("hub of its own"),
        "{error}"
    );
    let mut root = command();
    root.build();
    let help = |root: &mut clap::Command, name: &str| {
        let command = root.find_subcommand_mut(name).unwrap();
        command.render_long_help().to_string()
    };
    for flag in ["--url", "--hub", "--namespace <", "--as <"] {
        for command in ["serve", "demo", "completions"] {
            assert!(!help(&mut root, command).contains(flag), "{command} {flag}");
        }
        assert!(help(&mut root, "pub").contains(flag), "{flag}");
    }
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    for line in [
        "-u ws://h:1 --namespace /n --as a --token-file t rooms",
        "rooms -u ws://h:1 --namespace /n --as a --token-file t",
        "-u ws://h:1 rooms --namespace /n --as a --token-file t",
    ] {
        let global = parsed(line).unwrap().typed;
        assert_eq!(global.url.unwrap().to_string(), "ws://h:1", "{line}");
        assert_eq!(global.namespace.unwrap().as_str(), "/n", "{line}");
        assert_eq!(global.name.unwrap().as_str(), "a", "{line}");
        assert_eq!(global.token_file.unwrap(), PathBuf::from("t"), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for line in [
        "-H school -u ws://h:1 rooms",
        "-H school rooms -u ws://h:1",
        "rooms -H school -u ws://h:1",
        "-u ws://h:1 demo",
        "completions bash --token-file t",
        "",
        "pub",
        "join --as a",
        "pub r --json --envelope",
        "pub r hi -f file",
        "pub r hi --whole",
        "pub r -0 --whole",
        "pub r hi -0",
        "pub r --retry-for 25h",
        "pub r --retry-for 5",
        "pub r -e connect",
        "sub r -n 0",
        "sub r --json --raw",
        "sub r -0 --raw",
        "sub r --since 5m --last 3",
        "sub r --format {who}",
        "sub r --format {data} --json",
        "sub r -j 2",
        "sub r -x true -j 0",
        "request",
        "request r --replies 0",
        "request r --timeout 0s",
        "rooms a b",
        "rooms -q -v",
        "rooms -u nonsense",
        "rooms --namespace nosl",
        "serve --max-message 65MiB",
        "serve --listen 7666",
        "serve --header a:b",
        "serve --auth {}",
        "demo --trace",
        "demo --lesson x",
        "demo --lesson 1 --list",
        "demo --list --auto",
        "rooms -H",
        "config extra",
        "emit",
        "emit connect",
        "emit x --data",
        "emit x --query EIO=3",
        "emit x --path chat",
        "emit x --auth []",
        "emit x --header nonsense",
        "on disconnect",
        "on -n 0",
        "serve --keep 1h",
        "serve --max-payload 0",
        "serve --recovery 0s",
        "serve --recovery off",
    ] {
        assert_eq!(parsed(line).unwrap_err().exit_code(), 2, "{line}");
    }
    let control = Cli::try_parse_from(["roomcat", "sub", "a\u{1b}"]).unwrap_err();
    assert_eq!(control.kind(), ErrorKind::ValueValidation);
}

#[test]
fn rooms_may_be_left_out_where_something_else_names_them() {
    assert!(parsed("sub --as a").is_ok());
    assert!(parsed("--as a sub").is_ok());
    assert!(parsed("pub --envelope").is_ok());
    let Command::Pub(args) = parsed("pub r -5 and -0.5 --require 1").unwrap().command else {
        panic!("pub is pub");
    };
    assert_eq!(args.message, ["-5", "and", "-0.5"]);
    assert_eq!(args.require, Some(1));
    // A flag, though it looks like a number.
    let Command::Pub(args) = parsed("pub r -0").unwrap().command else {
        panic!("pub is pub");
    };
    assert!(args.null && args.message.is_empty());
    let Command::Pub(args) = parsed("pub r -- -0").unwrap().command else {
        panic!("pub is pub");
    };
    assert_eq!((args.null, &*args.message), (false, &["-0".into()][..]));
}

#[test]
fn every_client_can_be_told_how_to_reach_its_server() {
    for command in [
        "pub r hi",
        "sub r",
        "request r",
        "join r",
        "leave r",
        "rooms",
        "chat r",
        "emit x",
        "on",
    ] {
        let flags = "--header a:b --header c:d --query e=f --path /g --auth {} --trace";
        assert!(parsed(&format!("{command} {flags}")).is_ok(), "{command}");
    }
    let Command::Emit(args) = parsed("emit x -5 @f --ack --timeout 5s").unwrap().command else {
        panic!("emit is emit");
    };
    assert_eq!(args.args, ["-5", "@f"]);
    let Command::On(args) = parsed("on a b --data").unwrap().command else {
        panic!("on is on");
    };
    assert_eq!(args.events.len(), 2);
}

#[test]
fn every_help_begins_short_and_ends_with_an_example() {
    let mut root = command();
    root.build();
    for command in root.get_subcommands_mut() {
        let name = command.get_name().to_owned();
        if name == "help" {
            continue;
        }
        let about = command.get_about().unwrap().to_string();
        assert!(about.len() <= 80, "{name}: {about}");
        let help = command.render_long_help().to_string();
        let (_, example) = help.rsplit_once("Example").expect(&name);
        assert!(example.contains(&format!("roomcat {name}")), "{name}");
    }
    let help = root.render_long_help().to_string();
    assert!(help.contains("Exit codes:") && help.contains("130, 143"));
    assert!(root.render_help().to_string().contains("Exit codes:"));
}
