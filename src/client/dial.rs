//! Dialing: opens a byte stream to the server (TCP, TLS or a Unix socket) and upgrades it to WebSocket. Knows nothing of
//! Engine.IO or Socket.IO.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::dial_options::DialOptions;
use super::error::DialError;
use super::url::{Endpoint, HubUrl, Security};
use crate::limits;

pub type ClientWebSocket = WebSocketStream<MaybeTlsStream<ByteStream>>;

/// The byte stream below TLS.
pub enum ByteStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

pub async fn dial(url: &HubUrl, options: &DialOptions) -> Result<ClientWebSocket, DialError> {
    let (stream, security) = match url.endpoint() {
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path).await?;
            (ByteStream::Unix(stream), Security::Plain)
        }
        Endpoint::Tcp {
            host,
            port,
            security,
        } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // Send a typed line at once, not when the previous segment is acknowledged.
            stream.set_nodelay(true)?;
            (ByteStream::Tcp(stream), *security)
        }
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(limits::CLIENT_READ_BUFFER_BYTES)
        .write_buffer_size(limits::WRITE_BUFFER_BYTES)
        .max_message_size(Some(limits::FRAME_BYTES_MAX))
        .max_frame_size(Some(limits::FRAME_BYTES_MAX));
    let connector = match security {
        Security::Plain => Some(Connector::Plain),
        Security::Tls => {
            // Fails only if a provider is installed already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            // None: the library reads the system's certificates, which takes milliseconds.
            None
        }
    };
    let mut request = url.upgrade_uri(options).into_client_request()?;
    options.put_headers(request.headers_mut());
    let (socket, _response) =
        client_async_tls_with_config(request, stream, Some(config), connector).await?;
    Ok(socket)
}

impl AsyncRead for ByteStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
