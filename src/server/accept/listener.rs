//! The addresses that the hub listens on, TCP and Unix sockets, and the connections it accepts there.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use super::peer_stream::PeerStream;
use crate::limits;

/// An address of `--listen`: `127.0.0.1:7666`, `[::1]:0`, `localhost:7666`, `unix:/run/roomcat.sock`. A host name is
/// resolved when the listener is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address to listen on is HOST:PORT, as in 127.0.0.1:7666, or unix:/path")]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;
    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(ListenAddressError)
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddressError)?;
        let port = port.parse().map_err(|_| ListenAddressError)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match bracketed.unwrap_or(host) {
            "" => Err(ListenAddressError),
            host if host.contains(':') && bracketed.is_none() => Err(ListenAddressError),
            host => Ok(Self::Tcp {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

impl ListenAddress {
    /// Whether only this machine can reach the address.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "ws://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "ws://{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Debug)]
pub enum BoundListener {
    Tcp(TcpListener),
    /// The socket file is removed with the listener.
    Unix(UnixListener, PathBuf),
}

impl BoundListener {
    pub async fn bind(address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp { host, port } => TcpListener::bind((host.as_str(), *port))
                .await
                .map(Self::Tcp),
            ListenAddress::Unix(path) => {
                remove_stale(path).await?;
                Ok(Self::Unix(UnixListener::bind(path)?, path.clone()))
            }
        }
    }

    /// The address it is bound to. For port 0 that is the port that the system chose.
    pub fn address(&self) -> io::Result<ListenAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| ListenAddress::Tcp {
                host: address.ip().to_string(),
                port: address.port(),
            }),
            Self::Unix(_, path) => Ok(ListenAddress::Unix(path.clone())),
        }
    }

    /// Cancel-safe.
    pub async fn accept(&self) -> io::Result<PeerStream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(PeerStream::Tcp(stream))
            }
            Self::Unix(listener, _) => listener
                .accept()
                .await
                .map(|(stream, _)| PeerStream::Unix(stream)),
        }
    }
}

impl Drop for BoundListener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes the socket file that a killed hub left behind: one that refuses connections. Anything else stays.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket
        && UnixStream::connect(path)
            .await
            .is_err_and(|error| refused(&error))
    {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Accepts connections from all listeners, with a task for each. The tasks end on shutdown, or when the receiver is dropped.
pub fn accept_all(
    listeners: Vec<BoundListener>,
    shutdown: &watch::Receiver<bool>,
) -> mpsc::Receiver<PeerStream> {
    let (accepted, connections) = mpsc::channel(1);
    for listener in listeners {
        tokio::spawn(accept_from(listener, accepted.clone(), shutdown.clone()));
    }
    connections
}

async fn accept_from(
    listener: BoundListener,
    accepted: mpsc::Sender<PeerStream>,
    mut shutdown: watch::Receiver<bool>,
) {
    loop {
        // Both arms only wait: cancel-safe.
        let accept = tokio::select! {
            accept = listener.accept() => accept,
            _ = shutdown.wait_for(|shutdown| *shutdown) => return,
        };
        match accept {
            Ok(connection) => {
                if accepted.send(connection).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // The hub is out of file descriptors, or the peer has left already: the next one may succeed.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports_or_paths() {
        for (text, shown, local) in [
            ("127.0.0.1:7666", "ws://127.0.0.1:7666", true),
            ("[::1]:0", "ws://[::1]:0", true),
            ("localhost:80", "ws://localhost:80", true),
            ("0.0.0.0:7666", "ws://0.0.0.0:7666", false),
            ("hub.example:7666", "ws://hub.example:7666", false),
            ("unix:/run/hub", "unix:/run/hub", true),
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.is_local()),
                (shown, local)
            );
        }
        for bad in [
            "",
            "7666",
            ":7666",
            "::1:7666",
            "127.0.0.1",
            "127.0.0.1:99999",
            "unix:",
        ] {
            assert_eq!(
                bad.parse::<ListenAddress>(),
                Err(ListenAddressError),
                "{bad}"
            );
        }
    }
}
