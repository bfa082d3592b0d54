//! A hand-written Socket.IO client. It sends whatever a test wants, valid or not, and keeps what it receives.
//!
//! It does not use roomcat's codec, so that it can disagree with it.

use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client_with_config};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, WebSocket};

/// The longest wait for an answer.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// One Engine.IO session over WebSocket.
pub struct Raw {
    socket: WebSocket<TcpStream>,
    pub handshake: Value,
    /// Packets that arrived while the test waited for another one.
    inbox: VecDeque<Packet>,
    heart: Heart,
    calls: u64,
}

/// Whether it answers the hub's pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heart {
    Beats,
    Stopped,
}

/// A Socket.IO packet, or an Engine.IO ping if the heart is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The packet's type: the digit that it begins with, or `p` for a ping.
    pub kind: char,
    pub namespace: String,
    pub id: Option<u64>,
    /// The JSON text as received; empty if there is none.
    pub payload: String,
    pub attachments: Vec<Bytes>,
}

impl Packet {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    pub fn is_event(&self, name: &str) -> bool {
        let prefix = format!("[{}", json!(name));
        matches!(self.kind, '2' | '5') && self.payload.starts_with(&prefix)
    }

    /// The arguments after the event's name.
    pub fn args(&self) -> Vec<Value> {
        assert!(matches!(self.kind, '2' | '5'), "{self:?} is no event");
        let Value::Array(mut args) = self.json() else {
            panic!("{self:?}")
        };
        args.remove(0);
        args
    }

    /// The header of a `batch` event.
    pub fn header(&self) -> Value {
        assert!(self.is_event("batch"), "{self:?}");
        self.args().remove(0)
    }

    pub fn body(&self) -> &[u8] {
        assert_eq!(self.attachments.len(), 1, "{self:?}");
        &self.attachments[0]
    }
}

impl Raw {
    /// Connects to a hub's URL, `ws://127.0.0.1:PORT`, and reads the handshake.
    pub fn open(url: &str) -> Self {
        Self::try_open(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    pub fn try_open(url: &str) -> Result<Self, Error> {
        let stream = tcp(url)?;
        let request = format!("{url}{PATH}").into_client_request()?;
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let (socket, _) =
            client_with_config(request, stream, Some(config)).map_err(|error| match error {
                tokio_tungstenite::tungstenite::HandshakeError::Failure(error) => error,
                tokio_tungstenite::tungstenite::HandshakeError::Interrupted(_) => {
                    Error::Io(io::ErrorKind::TimedOut.into())
                }
            })?;
        let mut raw = Self {
            socket,
            handshake: Value::Null,
            inbox: VecDeque::new(),
            heart: Heart::Beats,
            calls: 0,
        };
        match raw.frame()? {
            Some(Message::Text(text)) if text.starts_with('0') => {
                raw.handshake = serde_json::from_str(&text[1..]).expect("the handshake is JSON");
                Ok(raw)
            }
            other => panic!("instead of the handshake: {other:?}"),
        }
    }

    /// Opens a connection with a socket in `namespace`.
    pub fn connected(url: &str, namespace: &str, auth: &Value) -> Self {
        let mut raw = Self::open(url);
        let answer = raw.connect(namespace, auth);
        assert_eq!(answer.kind, '0', "{answer:?}");
        raw
    }

    /// A roomcat client's socket in the root namespace.
    pub fn roomcat(url: &str) -> Self {
        Self::connected(url, "/", &json!({"roomcat": 1}))
    }

    pub fn stock(url: &str) -> Self {
        Self::connected(url, "/", &Value::Null)
    }

    pub fn set_heart(&mut self, heart: Heart) {
        self.heart = heart;
    }

    /// Sends CONNECT and returns the answer, CONNECT or CONNECT_ERROR.
    pub fn connect(&mut self, namespace: &str, auth: &Value) -> Packet {
        let auth = if auth.is_null() {
            String::new()
        } else {
            auth.to_string()
        };
        self.send(&format!("40{}{auth}", prefix(namespace)));
        self.until(|packet| matches!(packet.kind, '0' | '4') && packet.namespace == namespace)
    }

    pub fn send(&mut self, text: &str) {
        self.try_send(Message::text(text)).expect("sending");
    }

    pub fn send_binary(&mut self, bytes: &[u8]) {
        self.try_send(Message::binary(bytes.to_vec()))
            .expect("sending");
    }

    /// Sends a message that may make the hub close the connection before it has read all of it.
    pub fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message)
    }

    /// An event without ack id; `args` is the inside of a JSON array.
    pub fn emit(&mut self, namespace: &str, event: &str, args: &str) {
        let text = event_text(namespace, None, event, args, 0);
        self.send(&text);
    }

    /// An event with an ack id, which it returns.
    pub fn ask(&mut self, namespace: &str, event: &str, args: &str) -> u64 {
        self.calls += 1;
        let text = event_text(namespace, Some(self.calls), event, args, 0);
        self.send(&text);
        self.calls
    }

    /// Sends an event with an ack id and returns the first argument of the answer.
    pub fn call(&mut self, namespace: &str, event: &str, args: &Value) -> Value {
        let id = self.ask(namespace, event, &args.to_string());
        self.answer(id)
    }

    /// [`Self::call`] in the root namespace; the answer must be `ok`.
    pub fn must(&mut self, event: &str, args: &Value) -> Value {
        let answer = self.call("/", event, args);
        assert_eq!(answer["ok"], true, "{event} {args}: {answer}");
        answer
    }

    pub fn ask_binary(
        &mut self,
        namespace: &str,
        event: &str,
        args: &str,
        attachments: &[&[u8]],
    ) -> u64 {
        self.calls += 1;
        let id = Some(self.calls);
        let text = event_text(namespace, id, event, args, attachments.len());
        self.send(&text);
        for attachment in attachments {
            self.send_binary(attachment);
        }
        self.calls
    }

    /// Sends a batch and returns its ack id.
    pub fn ask_batch(&mut self, namespace: &str, header: &Value, body: &[u8]) -> u64 {
        let args = format!("{header},{{\"_placeholder\":true,\"num\":0}}");
        self.ask_binary(namespace, "batch", &args, &[body])
    }

    pub fn batch(&mut self, namespace: &str, header: &Value, body: &[u8]) -> Value {
        let id = self.ask_batch(namespace, header, body);
        self.answer(id)
    }

    /// Publishes one line to a room of the root namespace and returns the receipt.
    pub fn publish(&mut self, room: &str, line: &str) -> Value {
        let receipt = self.batch("/", &lines(room, 1), format!("{line}\n").as_bytes());
        assert_eq!(receipt["ok"], true, "{receipt}");
        receipt
    }

    /// The answer to an ack id, its first argument.
    pub fn answer(&mut self, id: u64) -> Value {
        let packet = self.until(|packet| matches!(packet.kind, '3' | '6') && packet.id == Some(id));
        packet.json()[0].clone()
    }

    /// The next event from the hub, of any name. Answers before it are kept.
    pub fn event(&mut self) -> Packet {
        self.until(|packet| matches!(packet.kind, '2' | '5'))
    }

    pub fn event_named(&mut self, name: &str) -> Packet {
        self.until(|packet| packet.is_event(name))
    }

    /// The events up to and including the first one of this name.
    pub fn events_until(&mut self, name: &str) -> Vec<Packet> {
        let mut events = Vec::new();
        loop {
            let event = self.event();
            let last = event.is_event(name);
            events.push(event);
            if last {
                return events;
            }
        }
    }

    /// The first packet that is `wanted`. Packets before it are kept in order.
    pub fn until(&mut self, wanted: impl Fn(&Packet) -> bool) -> Packet {
        if let Some(index) = self.inbox.iter().position(&wanted) {
            return self.inbox.remove(index).expect("just found");
        }
        loop {
            match self.read() {
                Some(packet) if wanted(&packet) => return packet,
                Some(packet) => self.inbox.push_back(packet),
                None => panic!("the hub closed; kept: {:?}", self.inbox),
            }
        }
    }

    /// The next packet in order of arrival, pings included (kind `p`) if the heart is stopped. None: the hub closed.
    pub fn next(&mut self) -> Option<Packet> {
        self.inbox.pop_front().or_else(|| self.read())
    }

    /// The kept packets, oldest first.
    pub fn take_kept(&mut self) -> Vec<Packet> {
        self.inbox.drain(..).collect()
    }

    /// All packets until the hub closes the connection.
    pub fn until_closed(&mut self) -> Vec<Packet> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Checks that this connection still works: the hub answers a verb.
    pub fn assert_alive(&mut self) {
        let answer = self.call("/", "rooms", &json!({}));
        assert_eq!(answer["ok"], true, "{answer}");
    }

    /// The TCP connection. Nothing is read from it unless the test asks for a packet.
    pub fn stream(&self) -> &TcpStream {
        self.socket.get_ref()
    }

    fn read(&mut self) -> Option<Packet> {
        loop {
            let text = match self.frame().expect("reading") {
                None => return None,
                Some(Message::Text(text)) => text,
                Some(other) => panic!("unexpected {other:?}"),
            };
            match text.as_bytes().first() {
                Some(b'2') if self.heart == Heart::Beats => {
                    // The hub may have closed meanwhile; the next read reports that.
                    let _ = self.try_send(Message::text("3"));
                }
                Some(b'2') => return Some(ping()),
                Some(b'4') => return Some(self.packet(&text[1..])),
                _ => panic!("unexpected {text:?}"),
            }
        }
    }

    fn packet(&mut self, text: &str) -> Packet {
        let kind = text.chars().next().expect("a packet has a type");
        let mut rest = &text[1..];
        let mut attachments = 0;
        if matches!(kind, '5' | '6') {
            let (number, after) = rest.split_once('-').expect("a number of attachments");
            attachments = number.parse().expect("a number of attachments");
            rest = after;
        }
        let mut namespace = "/";
        if rest.starts_with('/') {
            (namespace, rest) = rest.split_once(',').expect("a namespace ends at a comma");
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, payload) = rest.split_at(digits);
        Packet {
            kind,
            namespace: namespace.to_owned(),
            id: id.parse().ok(),
            payload: payload.to_owned(),
            attachments: (0..attachments).map(|_| self.attachment()).collect(),
        }
    }

    fn attachment(&mut self) -> Bytes {
        match self.frame().expect("reading") {
            Some(Message::Binary(bytes)) => bytes,
            other => panic!("instead of an attachment: {other:?}"),
        }
    }

    /// None if the connection was closed, in any way.
    fn frame(&mut self) -> Result<Option<Message>, Error> {
        loop {
            return match self.socket.read() {
                Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                Ok(Message::Close(_)) => Ok(None),
                Ok(message) => Ok(Some(message)),
                Err(Error::Io(error)) if is_timeout(&error) => {
                    panic!("nothing came in {PATIENCE:?}; kept: {:?}", self.inbox)
                }
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => {
                    Ok(None)
                }
                Err(Error::Io(_)) => Ok(None),
                Err(error) => Err(error),
            };
        }
    }
}

/// The header of a batch of lines for one room.
pub fn lines(room: &str, count: u32) -> Value {
    json!({"rooms": [room], "framing": "lines", "count": count})
}

pub fn event_text(
    namespace: &str,
    id: Option<u64>,
    event: &str,
    args: &str,
    attachments: usize,
) -> String {
    let kind = match attachments {
        0 => "42".to_owned(),
        n => format!("45{n}-"),
    };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    let comma = if args.is_empty() { "" } else { "," };
    format!(
        "{kind}{}{id}[{}{comma}{args}]",
        prefix(namespace),
        json!(event)
    )
}

/// A TCP connection to a hub with deadlines, so that no test hangs.
pub fn tcp(url: &str) -> io::Result<TcpStream> {
    let address = url.strip_prefix("ws://").expect("a hub's URL");
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn prefix(namespace: &str) -> String {
    match namespace {
        "/" => String::new(),
        other => format!("{other},"),
    }
}

fn ping() -> Packet {
    Packet {
        kind: 'p',
        namespace: String::new(),
        id: None,
        payload: String::new(),
        attachments: Vec::new(),
    }
}
