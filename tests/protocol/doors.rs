//! HTTP in front: who may come in, by which request, and how long a head may take.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::harness::TestHub;
use crate::raw::{self, PATH, Raw};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request for an upgrade with these headers beside, and the whole answer unless it is upgraded: then its head.
fn upgrade(url: &str, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n"
    );
    let host = url.strip_prefix("ws://").unwrap();
    if !headers.iter().any(|(name, _)| *name == "Host") {
        head.push_str(&format!("Host: {host}\r\n"));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {}\r\n", value.replace("HERE", host)));
    }
    head.push_str("\r\n");
    request(url, head.as_bytes())
}

fn request(url: &str, bytes: &[u8]) -> (u16, String) {
    let mut stream = raw::tcp(url).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed: {answer:?}");
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, head + &String::from_utf8(body).unwrap())
}

#[test]
fn an_upgrade_is_accepted() {
    let hub = TestHub::start();
    let (status, head) = upgrade(hub.url(), PATH, &[]);
    assert_eq!(status, 101, "{head}");
    // The accept key of RFC 6455's own example.
    let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert!(head.contains(accept), "{head}");
}

#[test]
fn only_our_own_pages_come_in() {
    let hub = TestHub::with(&["--host", "hub.school.example"]);
    let cases: &[(&[(&str, &str)], u16)] = &[
        (&[], 101),
        (&[("Origin", "http://HERE")], 101),
        (
            &[("Host", "localhost:1"), ("Origin", "http://localhost:1")],
            101,
        ),
        (&[("Host", "hub.school.example")], 101),
        (
            &[
                ("Host", "hub.school.example"),
                ("Origin", "https://hub.school.example"),
            ],
            101,
        ),
        (&[("Origin", "http://evil.example")], 403),
        (&[("Origin", "http://localhost:1")], 403),
        (&[("Origin", "null")], 403),
        (&[("Origin", "file://")], 403),
        (&[("Origin", "")], 403),
        (&[("Host", "evil.example")], 403),
        (
            &[
                ("Host", "evil.example:80"),
                ("Origin", "http://evil.example:80"),
            ],
            403,
        ),
        (&[("Host", "127.0.0.1.evil.example")], 403),
        (&[("Host", "")], 403),
    ];
    for (headers, expected) in cases {
        let (status, answer) = upgrade(hub.url(), PATH, headers);
        assert_eq!(status, *expected, "{headers:?}: {answer}");
    }
}

#[test]
fn what_is_no_websocket_of_version_4_is_refused_with_the_reason() {
    let hub = TestHub::start();
    let cases = [
        (
            "/socket.io/?EIO=3&transport=websocket",
            400,
            "socket.io-client 3 and 4",
        ),
        ("/socket.io/?transport=websocket", 400, "\"code\":5"),
        ("/socket.io/?EIO=4", 400, "\"code\":0"),
        ("/socket.io/?EIO=4&transport=pigeon", 400, "\"code\":0"),
        (
            "/socket.io/?EIO=4&transport=websocket&sid=nobody",
            400,
            "\"code\":1",
        ),
        ("/elsewhere", 404, "/socket.io/"),
        ("/elsewhere/", 404, "/socket.io/"),
    ];
    for (target, expected, says) in cases {
        let (status, answer) = upgrade(hub.url(), target, &[]);
        assert_eq!(status, expected, "{target}: {answer}");
        assert!(answer.contains(says), "{target}: {answer}");
    }
    let host = hub.url().strip_prefix("ws://").unwrap();
    let plain = format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(request(hub.url(), plain.as_bytes()).0, 400, "no upgrade");
    let post = format!("POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(request(hub.url(), post.as_bytes()).0, 400, "not a GET");
}

#[test]
fn what_is_no_http_closes_only_itself() {
    let hub = TestHub::start();
    let mut before = Raw::stock(hub.url());
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(1 << 20));
    for junk in [
        &b"\0\0\0\0\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        long.as_bytes(),
    ] {
        let mut stream = raw::tcp(hub.url()).unwrap();
        // It may close before it has read everything.
        let _ = stream.write_all(junk);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    before.assert_alive();
}

#[test]
fn a_head_that_does_not_come_is_not_awaited_for_ever() {
    let hub = TestHub::start();
    let begun = Instant::now();
    let mut streams = Vec::new();
    for part in [
        "",
        "GET /socket.io/?EIO=4&transp",
        "GET / HTTP/1.1\r\nHost: 127",
    ] {
        let mut stream = raw::tcp(hub.url()).unwrap();
        stream.write_all(part.as_bytes()).unwrap();
        streams.push((part, stream));
    }
    for (part, stream) in &mut streams {
        let mut answer = Vec::new();
        // Either an end or a reset; what must not come is the read's own deadline.
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert!(!raw::is_timeout(&error), "{part:?} is still open");
        }
    }
    assert!(begun.elapsed() >= Duration::from_secs(9), "too early");
    Raw::stock(hub.url()).assert_alive();
}

#[test]
fn a_unix_socket_is_a_door_too() {
    use std::os::unix::net::UnixStream;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.sock");
    let address = format!("unix:{}", path.display());
    let hub = TestHub::with(&["--listen", &address]);
    hub.wait_for_stderr(&address);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(raw::PATIENCE)).unwrap();
    let head = format!(
        "GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}
