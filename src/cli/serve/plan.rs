//! What a hub is told, resolved: a flag wins over hub.toml, hub.toml over the default. The only place of the defaults.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::{Global, ServeArgs};
use crate::cli::failure::Failure;
use crate::cli::hubfile::HubFile;
use crate::cli::values::{Database, KeepFor};
use crate::cli::{target, trace};
use crate::limits;
use crate::server::bind::ListenAddress;
use crate::server::origin::Hosts;
use crate::server::{Front, Keep, Settings, Token};

/// All that a hub needs to start.
#[derive(Debug)]
pub struct Plan {
    pub listen: Vec<ListenAddress>,
    pub database: PathBuf,
    pub keep: Keep,
    pub settings: Settings,
    pub front: Front,
}

const KEEP: KeepFor = KeepFor {
    age: Duration::from_secs(3600),
    bytes: 1 << 30,
};
const KEEP_PENDING: KeepFor = KeepFor {
    age: Duration::from_secs(7 * 24 * 3600),
    bytes: 10 << 30,
};

impl Plan {
    pub fn of(args: &ServeArgs, global: &Global, file: HubFile) -> Result<Self, Failure> {
        let token = match &global.token_file {
            Some(path) => Token::new(&target::token(path)?),
            None => file.token,
        };
        let listen = first([args.listen.clone(), file.listen], usual_address);
        if let Some(address) = listen.iter().find(|address| !address.is_local())
            && token.is_none()
            && !args.open
            && !file.open
            && !file.namespaces.all_ask()
        {
            return Err(Failure::Usage(format!(
                "{address} can be reached from other machines: name a --token-file, or let anyone in with --open"
            )));
        }
        let max_message = args.max_message.or(file.max_message);
        let max_message = max_message.unwrap_or(limits::MESSAGE_BYTES);
        let max_payload = args.max_payload.or(file.max_payload);
        let ping_interval = args.ping_interval.or(file.ping_interval);
        let ping_timeout = args.ping_timeout.or(file.ping_timeout);
        let connect_timeout = args.connect_timeout.or(file.connect_timeout);
        let settings = Settings {
            ping_interval: ping_interval.unwrap_or(limits::PING_INTERVAL),
            ping_timeout: ping_timeout.unwrap_or(limits::PING_TIMEOUT),
            connect_timeout: connect_timeout.unwrap_or(limits::CONNECT_TIMEOUT),
            max_message,
            max_payload: max_payload.unwrap_or_else(|| Settings::usual_payload(max_message)),
            recovery: args.recovery.or(file.recovery),
            echo: file.echo,
            token,
            namespaces: file.namespaces,
            trace: match args.trace {
                true => Some(trace::on_stderr()),
                false => None,
            },
        };
        let hosts = first([args.host.clone(), file.host], Vec::new);
        let database = database(args.db.clone().or(file.db))?;
        let secrets = [&global.token_file, &args.config].into_iter().flatten();
        let private = secrets.chain([&database]).cloned().collect();
        Ok(Self {
            listen,
            database,
            keep: keep(
                args.keep.or(file.keep).unwrap_or(KEEP),
                args.keep_pending
                    .or(file.keep_pending)
                    .unwrap_or(KEEP_PENDING),
            ),
            settings,
            front: Front {
                hosts: Hosts::new(hosts, file.cors),
                static_dir: static_dir(args.static_dir.clone())?.or(file.static_dir),
                private,
            },
        })
    }
}

/// The first list that says something.
fn first<T>(lists: [Vec<T>; 2], usual: impl FnOnce() -> Vec<T>) -> Vec<T> {
    let said = lists.into_iter().find(|list| !list.is_empty());
    said.unwrap_or_else(usual)
}

/// 7666 spells ROOM on a phone.
fn usual_address() -> Vec<ListenAddress> {
    vec![ListenAddress::Tcp {
        host: "127.0.0.1".to_owned(),
        port: 7666,
    }]
}

fn keep(history: KeepFor, pending: KeepFor) -> Keep {
    Keep {
        history_age: history.age,
        history_bytes: history.bytes,
        pending_age: pending.age,
        pending_bytes: pending.bytes,
    }
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

fn database(named: Option<Database>) -> Result<PathBuf, Failure> {
    match named.or_else(Database::usual) {
        Some(Database::Memory) => Ok(":memory:".into()),
        Some(Database::File(path)) => Ok(path),
        None => Err(Failure::Usage(
            "neither XDG_STATE_HOME nor HOME says where the database goes: name it with --db"
                .to_owned(),
        )),
    }
}
