//! Hand-written HTTP requests and Engine.IO long-polling. Each request, valid or not, has its own connection.
//!
//! It does not use roomcat's codec, so that it can disagree with it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::wait_until;
use crate::raw::{self, PATIENCE};

pub const SOCKET_IO: &str = "/socket.io/";
/// Between the packets of a payload.
pub const SEPARATOR: char = '\x1e';

/// A request without an answer yet. Drop closes its connection.
pub struct Asked {
    stream: TcpStream,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines();
        let mut headers = lines.filter_map(|line| line.split_once(": "));
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The packets of a payload.
    pub fn packets(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{self:?}");
        self.body.split(SEPARATOR).map(str::to_owned).collect()
    }

    /// Checks for an Engine.IO error with this code.
    #[track_caller]
    pub fn assert_refused(&self, code: u64) {
        assert_eq!(self.status, 400, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.json()["code"], code, "{self:?}");
    }
}

/// Sends a request. `headers` are added to Host and Content-Length or replace them.
pub fn ask(url: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Asked {
    let mut asked = Asked::begin(url, method, target, headers, body.len());
    asked.write(body);
    asked
}

pub fn request(url: &str, method: &str, target: &str, headers: &[(&str, &str)]) -> Response {
    ask(url, method, target, headers, b"").response()
}

impl Asked {
    /// Sends the head of a request whose body has `length` bytes.
    pub fn begin(
        url: &str,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        length: usize,
    ) -> Self {
        let stream = raw::tcp(url).expect("a connection");
        let host = url.strip_prefix("ws://").expect("a hub's URL");
        let given = |name: &str| {
            headers
                .iter()
                .any(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !given("Host") {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        if length > 0 && !given("Transfer-Encoding") {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {}\r\n", value.replace("HERE", host)));
        }
        head.push_str("\r\n");
        let mut asked = Self { stream };
        asked.write(head.as_bytes());
        asked
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).expect("sending");
    }

    /// Writes bytes that the hub may answer before it has read all of them.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until the hub has read all that was sent, and checks that it has not answered.
    pub fn assert_held(&self) {
        let port = |address: io::Result<std::net::SocketAddr>| {
            format!(":{:04X}", address.expect("a connected socket").port())
        };
        let ours = port(self.stream.local_addr());
        let hubs = port(self.stream.peer_addr());
        wait_until("the hub has read the request", || {
            let sockets = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
            let ends = sockets.lines().filter_map(|socket| {
                // The local address, the other one, the state (1: established), bytes to be sent and to be read.
                let fields: Vec<&str> = socket.split_whitespace().collect();
                let is_between = |from: &str, to: &str| {
                    fields[1].ends_with(from) && fields[2].ends_with(to) && fields[3] == "01"
                };
                let (unsent, unread) = fields[4].split_once(':')?;
                if is_between(&ours, &hubs) {
                    Some(unsent)
                } else {
                    is_between(&hubs, &ours).then_some(unread)
                }
            });
            let ends: Vec<&str> = ends.collect();
            ends == ["00000000", "00000000"]
        });
        assert!(!self.is_answered(), "the hub did not hold it");
    }

    /// Whether an answer, or the end of the connection, has come.
    pub fn is_answered(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a mode");
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("a mode");
        !peeked.is_err_and(|error| raw::is_timeout(&error))
    }

    pub fn waits_for(&self, long: Duration) -> bool {
        let set = |patience| {
            self.stream
                .set_read_timeout(Some(patience))
                .expect("a time")
        };
        set(long);
        let waits = self
            .stream
            .peek(&mut [0])
            .is_err_and(|error| raw::is_timeout(&error));
        set(PATIENCE);
        waits
    }

    /// Waits for the answer.
    pub fn response(self) -> Response {
        self.try_response().expect("an answer")
    }

    pub fn try_response(mut self) -> io::Result<Response> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head is text");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut response = Response {
            status: status.expect("a status"),
            head,
            body: String::new(),
        };
        let length = response.header("content-length");
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        response.body = String::from_utf8(body).expect("a body is text here");
        Ok(response)
    }
}

/// One Engine.IO session by long-polling.
pub struct Poller {
    url: String,
    path: &'static str,
    pub handshake: Value,
    pub sid: String,
}

impl Poller {
    pub fn open(url: &str) -> Self {
        Self::open_at(url, SOCKET_IO)
    }

    pub fn open_at(url: &str, path: &'static str) -> Self {
        let target = format!("{path}?EIO=4&transport=polling");
        let response = request(url, "GET", &target, &[]);
        let [open] = &response.packets()[..] else {
            panic!("instead of the handshake: {response:?}")
        };
        let handshake = open.strip_prefix('0').expect("an open packet");
        let handshake: Value = serde_json::from_str(handshake).expect("the handshake is JSON");
        let sid = handshake["sid"].as_str().expect("a sid").to_owned();
        Self {
            url: url.to_owned(),
            path,
            handshake,
            sid,
        }
    }

    /// With a stock socket in the root namespace.
    pub fn stock(url: &str) -> Self {
        Self::connected(url, "")
    }

    pub fn connected(url: &str, auth: &str) -> Self {
        let poller = Self::open(url);
        poller.say(&format!("40{auth}"));
        let packets = poller.hear();
        assert!(packets[0].starts_with("40{"), "{packets:?}");
        poller
    }

    pub fn target(&self) -> String {
        format!("{}?EIO=4&transport=polling&sid={}", self.path, self.sid)
    }

    pub fn get(&self) -> Asked {
        ask(&self.url, "GET", &self.target(), &[], b"")
    }

    pub fn post(&self, body: &str) -> Asked {
        self.post_bytes(body.as_bytes())
    }

    pub fn post_bytes(&self, body: &[u8]) -> Asked {
        let text = [("Content-Type", "text/plain;charset=UTF-8")];
        ask(&self.url, "POST", &self.target(), &text, body)
    }

    /// Posts a payload that is taken.
    #[track_caller]
    pub fn say(&self, payload: &str) {
        let response = self.post(payload).response();
        assert_eq!((response.status, &response.body[..]), (200, "ok"));
    }

    /// The packets of the next response; its pings are answered and left out.
    #[track_caller]
    pub fn hear(&self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "nothing but pings came");
            let mut packets = self.get().response().packets();
            let all = packets.len();
            packets.retain(|packet| packet != "2");
            if packets.len() < all {
                self.say("3");
            }
            if !packets.is_empty() {
                return packets;
            }
        }
    }

    /// Hears until it has so many packets.
    #[track_caller]
    pub fn hear_many(&self, count: usize) -> Vec<String> {
        let mut packets = Vec::new();
        while packets.len() < count {
            packets.extend(self.hear());
        }
        packets
    }

    /// The session is no more.
    #[track_caller]
    pub fn assert_gone(&self) {
        self.get().response().assert_refused(1);
        self.post("3").response().assert_refused(1);
    }

    #[track_caller]
    pub fn assert_alive(&self) {
        self.say(r#"4277["rooms",{}]"#);
        let packets = self.hear();
        assert!(packets[0].starts_with("4377["), "{packets:?}");
    }
}
