//! The settings of a hub that are in force: a flag wins over hub.toml, hub.toml over the default. The only place of the
//! defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::args::serve::ServeArgs;
use crate::cli::args::values::{self, KeepFor};
use crate::cli::failure::Failure;
use crate::cli::remote::target;
use crate::cli::remote::trace;
use crate::cli::settings::Global;
use crate::cli::settings::hub_file::HubFile;
use crate::limits;
use crate::server::accept::listener::ListenAddress;
use crate::server::origin::OriginPolicy;
use crate::server::{
    Database, HubSettings, NamespaceRules, Namespaces, Retention, ServerOptions, Token,
};

/// Everything that a hub needs to start.
#[derive(Debug)]
pub struct HubPlan {
    pub listen: Vec<ListenAddress>,
    pub database: Database,
    pub keep: Retention,
    pub settings: HubSettings,
    pub options: ServerOptions,
}

const KEEP: KeepFor = KeepFor {
    age: Duration::from_secs(3600),
    bytes: 1 << 30,
};
const KEEP_PENDING: KeepFor = KeepFor {
    age: Duration::from_secs(7 * 24 * 3600),
    bytes: 10 << 30,
};

impl HubPlan {
    pub fn new(args: &ServeArgs, global: &Global, file: HubFile) -> Result<Self, Failure> {
        let filed = file.settings;
        let token = match &global.token_file {
            Some(path) => {
                let secret = target::read_token(path)?;
                reject_shared_token(&secret, &file.namespaces)?;
                Token::new(&secret)
            }
            None => file.token,
        };
        let listen = first_given([&args.listen, &filed.listen]).unwrap_or_else(default_address);
        let is_open = args.open || filed.open;
        if token.is_none() && !is_open && !file.namespaces.all_want_tokens() {
            require_local(&listen)?;
        }
        let max_message = args.max_message.or(filed.max_message);
        let max_message = max_message.unwrap_or(limits::MESSAGE_BYTES);
        let max_payload = args.max_payload.or(filed.max_payload);
        let ping_interval = args.ping_interval.or(filed.ping_interval);
        let ping_timeout = args.ping_timeout.or(filed.ping_timeout);
        let connect_timeout = args.connect_timeout.or(filed.connect_timeout);
        let settings = HubSettings {
            ping_interval: ping_interval.unwrap_or(limits::PING_INTERVAL),
            ping_timeout: ping_timeout.unwrap_or(limits::PING_TIMEOUT),
            connect_timeout: connect_timeout.unwrap_or(limits::CONNECT_TIMEOUT),
            max_message,
            max_payload: max_payload.unwrap_or_else(|| HubSettings::usual_payload(max_message)),
            recovery: args.recovery.or(filed.recovery),
            echo: filed.echo,
            token,
            namespaces: file.namespaces,
            trace: args.trace.then(trace::stderr_sink),
        };
        let database = database(args.db.clone().or(filed.db))?;
        let mut private = file.secrets;
        private.extend(global.token_file.clone());
        private.extend(database.file().map(Path::to_owned));
        let keep = retention(
            args.keep.or(filed.keep).unwrap_or(KEEP),
            args.keep_pending
                .or(filed.keep_pending)
                .unwrap_or(KEEP_PENDING),
        );
        let host = first_given([&args.host, &filed.host]).unwrap_or_default();
        Ok(Self {
            listen,
            database,
            keep: keep_for_recovery(keep, &settings),
            settings,
            options: ServerOptions {
                origins: OriginPolicy::new(host, filed.cors),
                static_dir: static_dir(args.static_dir.clone())?.or(filed.static_dir),
                private,
            },
        })
    }
}

/// The hub's own token opens every namespace, so it must not be the token of a namespace.
fn reject_shared_token(secret: &str, namespaces: &Namespaces) -> Result<(), Failure> {
    let opens = |rules: &NamespaceRules| rules.grants.iter().any(|it| it.token.matches(secret));
    match namespaces.tables().iter().find(|(_, rules)| opens(rules)) {
        Some((pattern, _)) => Err(Failure::Usage(format!(
            "the token of --token-file is also one of namespaces.{:?}, whose holders could do everything everywhere",
            pattern.as_str()
        ))),
        None => Ok(()),
    }
}

fn require_local(listen: &[ListenAddress]) -> Result<(), Failure> {
    match listen.iter().find(|address| !address.is_local()) {
        Some(address) => Err(Failure::Usage(format!(
            "{address} can be reached from other machines: name a --token-file, or let anyone in with --open"
        ))),
        None => Ok(()),
    }
}

/// The first list that has anything in it.
fn first_given<T: Clone>(lists: [&Vec<T>; 2]) -> Option<Vec<T>> {
    lists.into_iter().find(|list| !list.is_empty()).cloned()
}

/// 7666 spells ROOM on a phone.
fn default_address() -> Vec<ListenAddress> {
    vec![ListenAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: 7666,
    }]
}

fn retention(history: KeepFor, pending: KeepFor) -> Retention {
    Retention {
        history_age: history.age,
        history_bytes: history.bytes,
        pending_age: pending.age,
        pending_bytes: pending.bytes,
        session_age: Duration::ZERO,
    }
}

/// A client that returns within the time of `recovery` must find what it missed, so history is kept for at least that
/// long. Its size stays as `--keep` says; only `--keep 0`, which keeps nothing, gets the default size.
fn keep_for_recovery(mut keep: Retention, settings: &HubSettings) -> Retention {
    let Some(recovery) = settings.recovery else {
        return keep;
    };
    keep.session_age = recovery;
    keep.history_age = keep.history_age.max(settings.missed_for(recovery));
    if keep.history_bytes == 0 {
        keep.history_bytes = KEEP.bytes;
    }
    keep
}

fn static_dir(path: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    match path {
        Some(path) if !path.is_dir() => Err(Failure::Usage(format!(
            "--static {}: this is not a folder",
            path.display()
        ))),
        path => Ok(path),
    }
}

fn database(given: Option<Database>) -> Result<Database, Failure> {
    given.or_else(values::usual_database).ok_or_else(|| {
        Failure::Usage(
            "without XDG_STATE_HOME or HOME there is no default database: name one with --db"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::values;
    use crate::cli::args::{Cli, Command};
    use crate::cli::settings::Settings;

    fn plan(line: &str, file: &str) -> Result<HubPlan, Failure> {
        let line = format!("roomcat serve --db :memory: {line}");
        let cli = Cli::read(line.split_whitespace().map(Into::into)).unwrap();
        let Command::Serve(args) = &cli.command else {
            panic!("serve is serve");
        };
        let file = HubFile::parse(Path::new("hub.toml"), file).unwrap();
        let settings = Settings::resolve(&cli.global, cli.command.scope()).unwrap();
        HubPlan::new(args, &settings.global(), file)
    }

    /// The default of a flag in the help of `serve`.
    fn default_in_help(flag: &str) -> String {
        let mut root = Cli::command();
        root.build();
        let serve = root.find_subcommand("serve").unwrap();
        let arg = serve
            .get_arguments()
            .find(|arg| arg.get_long() == Some(flag));
        let help = arg.unwrap().get_help().unwrap().to_string();
        let (_, default) = help.rsplit_once("[default: ").expect(flag);
        default.trim_end_matches(']').to_owned()
    }

    #[test]
    fn the_defaults_are_those_that_the_help_names() {
        let HubPlan {
            listen,
            keep,
            settings,
            ..
        } = plan("", "").unwrap();
        assert_eq!(listen, [default_in_help("listen").parse().unwrap()]);
        for (flag, found) in [
            ("ping-interval", settings.ping_interval),
            ("ping-timeout", settings.ping_timeout),
            ("connect-timeout", settings.connect_timeout),
        ] {
            let shown = values::duration(&default_in_help(flag));
            assert_eq!(shown, Ok(found), "{flag}");
        }
        let shown = values::message_size(&default_in_help("max-message"));
        assert_eq!(shown, Ok(settings.max_message));
        let shown = values::keep(&default_in_help("keep")).unwrap();
        assert_eq!(
            (shown.age, shown.bytes),
            (keep.history_age, keep.history_bytes)
        );
        let shown = values::keep(&default_in_help("keep-pending")).unwrap();
        assert_eq!(
            (shown.age, shown.bytes),
            (keep.pending_age, keep.pending_bytes)
        );
        assert_eq!(
            (default_in_help("recovery").as_str(), settings.recovery),
            ("off", None)
        );
        assert!(settings.echo.is_none() && settings.namespaces.tables().is_empty());
    }

    #[test]
    fn the_largest_message_fits_a_payload_by_default() {
        let payload = |line: &str, file: &str| plan(line, file).unwrap().settings.max_payload;
        let base64 = |bytes: usize| bytes.div_ceil(3) * 4;
        assert!(payload("", "") > base64(limits::MESSAGE_BYTES));
        assert!(payload("--max-message 64MiB", "") > base64(limits::MESSAGE_BYTES_MAX));
        assert_eq!(
            payload("--max-message 64MiB", ""),
            limits::PAYLOAD_BYTES_MAX
        );
        assert_eq!(payload("", "max-payload = 1000000"), 1_000_000);
        assert_eq!(
            payload("--max-payload 5KiB", "max-payload = 1000000"),
            5 * 1024
        );
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nkeep = \"2h/7\"\nping-interval = \"1s\"\nping-timeout = \"1s\"\n\
            connect-timeout = \"1s\"\nrecovery = \"1m\"\nmax-message = 1\nhost = \"a.example\"\nstatic = \"src\"\n";
        let filed = plan("", file).unwrap();
        assert_eq!((filed.listen.len(), filed.keep.history_bytes), (2, 7));
        assert_eq!(filed.settings.ping_interval, Duration::from_secs(1));
        assert_eq!(filed.settings.recovery, Some(Duration::from_secs(60)));
        assert_eq!(filed.options.static_dir, Some("src".into()));
        let hosts = |plan: &HubPlan, name| plan.options.origins.check(Some(name), None).is_ok();
        assert!(hosts(&filed, "a.example"));

        let line = "--listen 127.0.0.1:3 --keep 1h/1 --ping-interval 2s --recovery 2m --static tests --host b.example";
        let flags = plan(line, file).unwrap();
        assert_eq!(flags.listen, ["127.0.0.1:3".parse().unwrap()]);
        assert_eq!(flags.keep.history_bytes, 1);
        assert_eq!(flags.settings.ping_interval, Duration::from_secs(2));
        assert_eq!(flags.settings.ping_timeout, Duration::from_secs(1));
        assert_eq!(flags.settings.recovery, Some(Duration::from_secs(120)));
        assert_eq!(flags.settings.max_message, 1);
        assert_eq!(flags.options.static_dir, Some("tests".into()));
        assert!(hosts(&flags, "b.example") && !hosts(&flags, "a.example"));
        assert!(matches!(plan("--static none", ""), Err(Failure::Usage(_))));
    }

    #[test]
    fn recovery_keeps_for_longer_and_shortens_nothing() {
        let keep = |line: &str| plan(line, "").unwrap().keep;
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(keep("--keep 0").session_age, Duration::ZERO);
        let short = keep("--keep 10s/5KiB --recovery 2m");
        assert_eq!(short.session_age, minutes(2));
        let noticed = limits::PING_INTERVAL + limits::PING_TIMEOUT;
        assert!(short.history_age >= minutes(2) + noticed);
        assert_eq!(short.history_bytes, 5 * 1024);
        assert_eq!(
            keep("--keep 1h/5KiB --recovery 2m").history_age,
            minutes(60)
        );
        assert_eq!(keep("--keep 0 --recovery 2m").history_bytes, KEEP.bytes);
        assert_eq!(keep("--recovery 9h").session_age, minutes(9 * 60));
    }

    #[test]
    fn other_machines_reach_only_a_hub_that_is_open_or_has_tokens() {
        let tokens =
            |name: &str| format!("[namespaces.\"{name}\"]\ntokens = [{{ token = \"t\" }}]\n");
        let both = tokens("/a") + &tokens("/b-*");
        let one = tokens("/a") + "[namespaces.\"/b\"]\n";
        for (line, file, fine) in [
            ("", "", false),
            ("--open", "", true),
            ("", "open = true", true),
            ("", "open = false", false),
            ("", both.as_str(), true),
            ("", one.as_str(), false),
        ] {
            let found = plan(&format!("--listen 0.0.0.0:1 {line}"), file);
            assert_eq!(found.is_ok(), fine, "{line} {file}");
            assert!(plan("--listen unix:s", file).is_ok(), "{file}");
        }
    }
}
