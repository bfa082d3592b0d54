//! The load program of `benches/fanout.sh`: many stock Socket.IO sockets in one room, on raw WebSocket frames.
//!
//! It shares the machine with the server that it measures, so it must not be the bottleneck: it has one thread and one
//! `epoll`, and reads frames in place. It treats every server alike. Each message must reach every socket in order, or the
//! run is void.
//!
//! ```text
//! fanout load HOST:PORT SOCKETS FLIGHT SECONDS   prints deliveries/s
//! fanout idle HOST:PORT SOCKETS                  prints "ready" and holds the sockets until stdin ends
//! ```
//!
//! `load` keeps FLIGHT messages in flight. A message is done when every socket has it; then the next is published. The
//! server must send each event `chat` to everyone in `/`, the sender included.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// The size of one `read`: more than a server sends to one socket at once.
const READ_BYTES: usize = 256 * 1024;
/// A wait longer than this means that something is stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// The length of a message as published: a number of eight digits and padding.
const MESSAGE_BYTES: usize = 100;
const DIGITS: usize = 8;
/// The bytes before the number in the frame of a message.
const EVENT: &[u8] = br#"42["chat",""#;
/// A masking key of zeros leaves the payload unchanged.
const MASK: [u8; 4] = [0; 4];

fn main() -> Fallible<()> {
    // `cargo bench` adds its own flag.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["load", address, sockets, flight, seconds] => {
            let mut crowd = Crowd::connect(address, sockets.parse()?)?;
            let seconds = Duration::from_secs_f64(seconds.parse()?);
            println!("{:.0}", crowd.load(flight.parse()?, seconds)?);
            Ok(())
        }
        ["idle", address, sockets] => {
            let mut crowd = Crowd::connect(address, sockets.parse()?)?;
            println!("ready");
            crowd.idle()
        }
        _ => Err(
            "fanout load HOST:PORT SOCKETS FLIGHT SECONDS | fanout idle HOST:PORT SOCKETS".into(),
        ),
    }
}

/// One socket in the room.
struct Peer {
    stream: TcpStream,
    /// The beginning of a frame that is not complete yet.
    rest: Vec<u8>,
    /// The number of the next message.
    next: usize,
}

/// All sockets in the room; the first one publishes.
struct Crowd {
    peers: Vec<Peer>,
    epoll: OwnedFd,
    buffer: Vec<u8>,
}

/// The number of stdin in `epoll`; sockets have numbers from 0.
const STDIN: u64 = u64::MAX;

impl Crowd {
    fn connect(address: &str, sockets: usize) -> Fallible<Self> {
        let files = getrlimit(Resource::Nofile);
        let most = Rlimit {
            current: files.maximum,
            ..files
        };
        setrlimit(Resource::Nofile, most)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut peers = Vec::with_capacity(sockets);
        for number in 0..sockets as u64 {
            let peer = Peer::connect(address)?;
            let readable = epoll::EventFlags::IN;
            epoll::add(
                &epoll,
                &peer.stream,
                epoll::EventData::new_u64(number),
                readable,
            )?;
            peers.push(peer);
        }
        Ok(Self {
            peers,
            epoll,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Deliveries a second, from the first message published to the last one received.
    fn load(&mut self, flight: usize, time: Duration) -> Fallible<f64> {
        let mut messages = Messages {
            missing: vec![0; flight],
            done: 0,
            sent: 0,
            everybody: self.peers.len(),
        };
        let begin = Instant::now();
        messages.publish(flight, &mut self.peers[0].stream)?;
        while messages.done < messages.sent {
            for number in self.wait(PATIENCE)? {
                self.take(number, &mut messages)?;
            }
            if begin.elapsed() < time {
                messages.publish(flight, &mut self.peers[0].stream)?;
            }
        }
        let deliveries = messages.done * self.peers.len();
        Ok(deliveries as f64 / begin.elapsed().as_secs_f64())
    }

    /// Answers pings until stdin ends.
    fn idle(&mut self) -> Fallible<()> {
        let stdin = io::stdin();
        epoll::add(
            &self.epoll,
            &stdin,
            epoll::EventData::new_u64(STDIN),
            epoll::EventFlags::IN,
        )?;
        let mut nothing = Messages {
            missing: Vec::new(),
            done: 0,
            sent: 0,
            everybody: self.peers.len(),
        };
        loop {
            for number in self.wait(Duration::MAX)? {
                if number == STDIN {
                    return Ok(());
                }
                self.take(number, &mut nothing)?;
            }
        }
    }

    /// The sockets with something to read.
    fn wait(&self, patience: Duration) -> Fallible<Vec<u64>> {
        let patience = Timespec::try_from(patience).ok();
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
        epoll::wait(&self.epoll, spare_capacity(&mut events), patience.as_ref())?;
        if events.is_empty() {
            return Err("the server has gone quiet: messages are missing".into());
        }
        Ok(events.iter().map(|event| event.data.u64()).collect())
    }

    /// Reads once from a socket, and counts the messages.
    fn take(&mut self, number: u64, messages: &mut Messages) -> Fallible<()> {
        let Self { peers, buffer, .. } = self;
        let peer = &mut peers[usize::try_from(number)?];
        let held = peer.rest.len();
        buffer[..held].copy_from_slice(&peer.rest);
        let read = peer.stream.read(&mut buffer[held..])?;
        if read == 0 {
            return Err("the server closed a connection".into());
        }
        let mut bytes = &buffer[..held + read];
        while let Some((payload, behind)) = split_frame(bytes) {
            bytes = behind;
            match payload.strip_prefix(EVENT) {
                Some(data) => messages.taken(data, &mut peer.next)?,
                None if payload == b"2" => peer.stream.write_all(&frame(b"3"))?,
                None => return Err(format!("unexpected: {}", payload.escape_ascii()).into()),
            }
        }
        peer.rest.clear();
        peer.rest.extend_from_slice(bytes);
        Ok(())
    }
}

/// The messages in flight.
struct Messages {
    /// The number of sockets that do not have a message yet, at the message's number modulo the count in flight.
    missing: Vec<usize>,
    done: usize,
    sent: usize,
    everybody: usize,
}

impl Messages {
    /// Publishes until `flight` messages are in flight, in one write.
    fn publish(&mut self, flight: usize, stream: &mut TcpStream) -> Fallible<()> {
        let mut bytes = Vec::new();
        while self.sent < self.done + flight {
            let filled = format!("{:0DIGITS$}{:x<2$}", self.sent, "", MESSAGE_BYTES - DIGITS);
            let text = [EVENT, filled.as_bytes(), br#""]"#].concat();
            bytes.extend(frame(&text));
            self.missing[self.sent % flight] = self.everybody;
            self.sent += 1;
        }
        if !bytes.is_empty() {
            stream.write_all(&bytes)?;
        }
        Ok(())
    }

    /// A socket received the message that begins with these bytes.
    fn taken(&mut self, data: &[u8], next: &mut usize) -> Fallible<()> {
        let digits = data.get(..DIGITS).unwrap_or_default();
        let number = digits.iter().fold(0, |number, digit| {
            number * 10 + usize::from(digit.wrapping_sub(b'0'))
        });
        if number != *next || data.len() != MESSAGE_BYTES + 2 {
            return Err(format!("message {next} had to come: {}", data.escape_ascii()).into());
        }
        *next += 1;
        let flight = self.missing.len();
        self.missing[number % flight] -= 1;
        // Each socket gets messages in order, so they finish in order.
        while self.done < self.sent && self.missing[self.done % flight] == 0 {
            self.done += 1;
        }
        Ok(())
    }
}

impl Peer {
    /// Connects like a stock client: the upgrade, Engine.IO's handshake, CONNECT to `/`.
    fn connect(address: &str) -> Fallible<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cm9vbWNhdCdzIGZhbm91dA==\r\n\r\n"
        )?;
        let mut peer = Self {
            stream,
            rest: Vec::new(),
            next: 0,
        };
        let head = loop {
            if let Some(end) = peer.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break peer.rest.drain(..end + 4).collect::<Vec<u8>>();
            }
            peer.read_more()?;
        };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(format!("not upgraded: {}", head.escape_ascii()).into());
        }
        peer.expect(b"0{")?;
        peer.stream.write_all(&frame(b"40"))?;
        peer.expect(b"40{")?;
        peer.stream.set_nonblocking(true)?;
        Ok(peer)
    }

    fn expect(&mut self, beginning: &[u8]) -> Fallible<()> {
        loop {
            if let Some((payload, behind)) = split_frame(&self.rest) {
                if !payload.starts_with(beginning) {
                    return Err(format!("unexpected: {}", payload.escape_ascii()).into());
                }
                self.rest = behind.to_vec();
                return Ok(());
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Fallible<()> {
        let mut some = [0; 1024];
        match self.stream.read(&mut some)? {
            0 => Err("the server closed a connection".into()),
            read => {
                self.rest.extend_from_slice(&some[..read]);
                Ok(())
            }
        }
    }
}

/// The payload of the first frame and the bytes after it; None while the frame is incomplete. Servers do not mask.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, header) = match bytes.get(1)? {
        126 => (
            u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
            4,
        ),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
        length => (u64::from(*length), 2),
    };
    let end = header + usize::try_from(length).ok()?;
    Some((bytes.get(header..end)?, &bytes[end..]))
}

/// A short text in a frame as a client sends it.
fn frame(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a message is 100 bytes");
    let header: &[u8] = if length < 126 {
        &[0x81, 0x80 | length]
    } else {
        &[0x81, 0x80 | 126, 0, length]
    };
    [header, &MASK, text].concat()
}
