//! Resolves the flags and addresses of a command to one hub, one namespace and its rooms.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::address::{Address, Namespace, RoomName};
use crate::cli::args::remote::Remote;
use crate::cli::args::values::AuthText;
use crate::cli::failure::Failure;
use crate::cli::io::secret::read_secret;
use crate::cli::remote::trace;
use crate::cli::settings::Global;
use crate::client::{AuthFields, Target};
use crate::limits;

/// The hub, the namespace and the rooms of these addresses. Errors: the addresses are in more than one namespace, or a file
/// cannot be read.
pub fn resolve_target<'a>(
    global: &Global,
    remote: &Remote,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> Result<(Target, Vec<RoomName>), Failure> {
    let (namespace, rooms) = resolve_rooms(default_namespace(global), addresses)?;
    let token = global.token_file.as_deref().map(read_token).transpose()?;
    let server = global.server.with_flags(remote);
    let target = Target {
        url: global.url.clone(),
        namespace,
        name: global.name.clone(),
        token,
        auth: server
            .auth()
            .map(read_auth)
            .transpose()?
            .unwrap_or_default(),
        dial: server.into_dial_options(),
        trace: if remote.trace {
            Some(trace::stderr_sink())
        } else {
            None
        },
    };
    Ok((target, rooms))
}

/// The room of `flag`. Errors: it is in another namespace than the command's other rooms.
pub fn room_of_flag(target: &Target, address: &Address, flag: &str) -> Result<RoomName, Failure> {
    match &address.namespace {
        Some(other) if *other != target.namespace => Err(Failure::Usage(format!(
            "{flag} must be in the namespace of the messages, {}, not in {other}",
            target.namespace
        ))),
        _ => Ok(address.room.clone()),
    }
}

fn read_auth(text: &AuthText) -> Result<AuthFields, Failure> {
    let (json, path) = match text {
        AuthText::Json(json) => (json.as_bytes().to_vec(), None),
        AuthText::File(path) => {
            let failed = |reason: String| Failure::AuthFile {
                path: path.clone(),
                reason,
            };
            let mut json = Vec::new();
            File::open(path)
                .and_then(|file| {
                    file.take(limits::AUTH_BYTES as u64 + 1)
                        .read_to_end(&mut json)
                })
                .map_err(|error| failed(crate::client::error::io_error_text(&error)))?;
            if json.len() > limits::AUTH_BYTES {
                return Err(failed(format!(
                    "it is longer than {} bytes",
                    limits::AUTH_BYTES
                )));
            }
            (json, Some(failed))
        }
    };
    let text = String::from_utf8(json).map_err(|_| "it is not UTF-8".to_owned());
    let auth = text.and_then(|text| AuthFields::parse(&text).map_err(|error| error.to_string()));
    auth.map_err(|reason| match path {
        Some(failed) => failed(reason),
        None => Failure::Usage(format!("--auth: {reason}")),
    })
}

/// The namespace of addresses that name none: `--namespace`, else the path of the URL, else `/`.
fn default_namespace(global: &Global) -> Namespace {
    explicit_namespace(global).unwrap_or_else(Namespace::root)
}

/// The namespace of `--namespace` or the path of the URL.
pub fn explicit_namespace(global: &Global) -> Option<Namespace> {
    let named = global.namespace.as_ref().or(global.url.namespace());
    named.cloned()
}

fn resolve_rooms<'a>(
    default: Namespace,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> Result<(Namespace, Vec<RoomName>), Failure> {
    let mut namespace: Option<Namespace> = None;
    let mut rooms = Vec::new();
    for address in addresses {
        let its = address.namespace.as_ref().unwrap_or(&default);
        match &namespace {
            Some(first) if first != its => {
                return Err(Failure::Usage(format!(
                    "all rooms must be in one namespace, not in {first} and {its}"
                )));
            }
            Some(_) => {}
            None => namespace = Some(its.clone()),
        }
        if !rooms.contains(&address.room) {
            rooms.push(address.room.clone());
        }
    }
    if rooms.len() > limits::ROOMS_PER_MESSAGE {
        return Err(Failure::Usage(format!(
            "{} rooms given; the limit is {}",
            rooms.len(),
            limits::ROOMS_PER_MESSAGE
        )));
    }
    Ok((namespace.unwrap_or(default), rooms))
}

/// The first line of the file, trimmed.
pub fn read_token(path: &Path) -> Result<String, Failure> {
    read_secret(path).map_err(|reason| Failure::TokenFile {
        path: path.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_rooms_are_in_the_default_namespace_and_all_rooms_in_one() {
        let default = || Namespace::parse("/u").unwrap();
        let of = |texts: &[&str]| {
            let addresses: Vec<Address> =
                texts.iter().map(|t| Address::parse(t).unwrap()).collect();
            resolve_rooms(default(), &addresses).map(|(namespace, rooms)| {
                let rooms: Vec<String> = rooms.iter().map(ToString::to_string).collect();
                (namespace.to_string(), rooms)
            })
        };
        let found = |namespace: &str, rooms: &[&str]| {
            (
                namespace.to_owned(),
                rooms.iter().map(ToString::to_string).collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&[]).unwrap(), found("/u", &[]));
        assert_eq!(of(&["a", "b", "a"]).unwrap(), found("/u", &["a", "b"]));
        assert_eq!(of(&["/x#a", "/x"]).unwrap(), found("/x", &["a", ""]));
        assert_eq!(of(&["/u#a", "b"]).unwrap(), found("/u", &["a", "b"]));
        assert!(matches!(of(&["/x#a", "b"]), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_token_is_the_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |content: &[u8]| {
            let path = folder.path().join("token");
            std::fs::write(&path, content).unwrap();
            read_token(&path)
        };
        assert_eq!(write(b" secret \r\nmore").unwrap(), "secret");
        for bad in [
            &b""[..],
            b"\nsecond",
            b"\xff\n",
            &[b'x'; limits::TOKEN_BYTES + 1],
        ] {
            assert!(matches!(write(bad), Err(Failure::TokenFile { .. })));
        }
        let missing = read_token(&folder.path().join("none")).unwrap_err();
        assert!(
            missing.to_string().ends_with(": no such file or directory"),
            "{missing}"
        );
    }
}
