use std::path::PathBuf;

use super::*;

fn parsed(line: &str) -> Result<Cli, ParseError> {
    let words = std::iter::once("roomcat").chain(line.split_whitespace());
    Cli::read(words.map(OsString::from))
}

fn usage_error(line: &str) -> UsageError {
    match parsed(line) {
        Err(ParseError::Usage(error)) => error,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definitions_agree_with_each_other() {
    command().debug_assert();
}

#[test]
fn serve_names_its_own_flags_instead_of_those_for_clients() {
    for line in [
        "serve -u ws://h:1",
        "-u ws://h:1 serve",
        "serve --as a",
        "serve -H school",
        "--namespace /n serve",
    ] {
        let error = usage_error(line);
        assert!(
            error.what.starts_with("serve does not take --"),
            "{error:?}"
        );
        assert!(error.what.contains("--listen ADDRESS"), "{error:?}");
    }
    let error = usage_error("demo --token-file t");
    assert_eq!(
        (&*error.what, &*error.hint),
        (
            "demo does not take --token-file: it runs a hub of its own",
            "see \"roomcat help demo\""
        )
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
        let global = parsed(line).unwrap().global;
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
        let UsageError { what, hint } = usage_error(line);
        for text in [&what, &hint] {
            assert!(
                !text.is_empty() && !text.contains(['\n', '<']),
                "{line}: {text}"
            );
        }
        assert!(
            hint.contains("roomcat help") || hint.starts_with("did you mean"),
            "{line}: {hint}"
        );
    }
    let Err(ParseError::Help(help)) = parsed("") else {
        panic!("help is shown");
    };
    assert_eq!(help.exit_code(), 2);
    assert!(
        usage_error("sub a\u{1b}")
            .what
            .starts_with("invalid value \"a\u{1b}\" for ROOM: ")
    );
}

#[test]
fn a_usage_error_is_one_line_and_a_hint() {
    let sub = "see \"roomcat help sub\"";
    for (line, what, hint) in [
        ("sub r --nope", "unknown flag --nope", sub),
        (
            "sub r --drian",
            "unknown flag --drian",
            "did you mean --drain?",
        ),
        (
            "pub r --hello",
            "unknown flag --hello",
            "did you mean --help? to send it as text, put -- before it: -- --hello",
        ),
        (
            "rooms a b",
            "unexpected argument \"b\"",
            "see \"roomcat help rooms\"",
        ),
        (
            "queue peek",
            "missing NAME",
            "see \"roomcat help queue peek\"",
        ),
        (
            "quue",
            "unknown command \"quue\"",
            "did you mean \"queue\"?",
        ),
        ("xyzzy", "unknown command \"xyzzy\"", "see \"roomcat help\""),
        ("-q", "missing command", "see \"roomcat help\""),
        ("sub r --count", "--count needs a value", sub),
        (
            "sub r -n x",
            "invalid value \"x\" for --count: a whole number of at least 1",
            sub,
        ),
        (
            "rooms --color red",
            "invalid value \"red\" for --color: one of auto, always, never",
            "see \"roomcat help rooms\"",
        ),
        (
            "sub r --json --raw",
            "--json cannot be used with --raw",
            sub,
        ),
        ("sub r -n 1 -n 2", "--count was given twice", sub),
        ("sub r -j 2", "missing --exec", sub),
        (
            "rooms -H a -u ws://h:1",
            "--url cannot be used with --hub: each names a hub",
            "see \"roomcat help rooms\"",
        ),
    ] {
        let (what, hint) = (what.to_owned(), hint.to_owned());
        assert_eq!(usage_error(line), UsageError { what, hint }, "{line}");
    }
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
