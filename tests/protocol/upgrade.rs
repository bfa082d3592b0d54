//! From long-polling to WebSocket (Engine.IO protocol v4, "Upgrade"): the session goes on as if nothing had happened.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use crate::harness::{TestHub, wait_until};
use crate::http::{Poller, SOCKET_IO, request};
use crate::random::Random;
use crate::raw::{self, Raw};

/// A WebSocket that asks for the place of a polling session.
struct Probe(WebSocket<TcpStream>);

impl Probe {
    fn open(hub: &TestHub, poller: &Poller) -> Self {
        let target = format!("{SOCKET_IO}?EIO=4&transport=websocket&sid={}", poller.sid);
        let request = format!("{}{target}", hub.url()).into_client_request();
        let stream = raw::tcp(hub.url()).unwrap();
        let (socket, _) = client(request.unwrap(), stream).unwrap();
        Self(socket)
    }

    fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next frame; None when the hub closes.
    fn hear(&mut self) -> Option<String> {
        match self.0.read() {
            Ok(Message::Text(text)) => Some(text.to_string()),
            Ok(Message::Binary(bytes)) => Some(format!("{bytes:?}")),
            Ok(_) | Err(_) => None,
        }
    }

    #[track_caller]
    fn probe(&mut self) {
        self.say("2probe");
        assert_eq!(self.hear().as_deref(), Some("3probe"));
    }

    /// The next message of the session; pings are answered.
    #[track_caller]
    fn message(&mut self) -> String {
        loop {
            match self.hear().expect("it is open") {
                ping if ping == "2" => self.say("3"),
                text => return text,
            }
        }
    }

    #[track_caller]
    fn assert_alive(&mut self) {
        self.say(r#"4277["rooms",{}]"#);
        let answer = self.message();
        assert!(answer.starts_with("4377["), "{answer}");
    }
}

#[test]
fn a_session_changes_to_websocket() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    let waiting = poller.get();
    let mut probe = Probe::open(&hub, &poller);
    probe.probe();
    // The GET that waits, and any that the client had begun before it knew.
    assert_eq!(waiting.response().packets(), ["6"]);
    assert_eq!(poller.get().response().packets(), ["6"]);
    probe.say("5");
    other.emit("/", "n", "1");
    assert_eq!(probe.message(), "42[\"n\",1]");
    probe.say("42[\"n\",2]");
    assert_eq!(probe.message(), "42[\"n\",2]");
    // Nobody came or went.
    assert_eq!(hub.stderr().matches("a user connected").count(), 2);
    assert_eq!(hub.stderr().matches("a user disconnected").count(), 0);
    poller.get().response().assert_refused(3);
    poller.post("42[\"n\",3]").response().assert_refused(3);
    probe.assert_alive();
    drop(probe);
    hub.wait_for_stderr("a user disconnected");
    wait_until("its sid is forgotten", || {
        poller.get().response().json()["code"] == 1
    });
}

#[test]
fn what_waited_for_a_get_goes_by_websocket() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut other = Raw::stock(hub.url());
    let mut probe = Probe::open(&hub, &poller);
    probe.probe();
    for number in 0..100 {
        other.emit("/", "n", &number.to_string());
    }
    hub.wait_for_room_messages("", 100);
    let mut heard = poller.hear();
    probe.say("5");
    heard.retain(|packet| packet != "6");
    while heard.len() < 100 {
        heard.push(probe.message());
    }
    let expected: Vec<String> = (0..100).map(|n| format!("42[\"n\",{n}]")).collect();
    assert_eq!(heard, expected);
}

/// As the official client does: it polls until it has heard `3probe` and its last GET was answered.
fn upgrade_amid_traffic(hub: &TestHub, seed: u64) {
    const EVENTS: usize = 300;
    let mut random = Random::new(seed);
    let poller = Poller::stock(hub.url());
    let url = hub.url().to_owned();
    let pauses: Vec<bool> = (0..EVENTS).map(|_| random.below(8) == 0).collect();
    let publisher = thread::spawn(move || {
        let mut raw = Raw::roomcat(&url);
        for (number, pause) in pauses.into_iter().enumerate() {
            let args = format!("{{\"rooms\":[],\"event\":\"n\",\"data\":{number}}}");
            let id = raw.ask("/", "pub", &args);
            if pause {
                raw.answer(id);
            }
        }
        raw.assert_alive();
    });
    let mut heard = Vec::new();
    for _ in 0..random.below(6) {
        heard.extend(poller.hear());
    }
    let probed = AtomicBool::new(false);
    let mut probe = Probe::open(hub, &poller);
    thread::scope(|scope| {
        let polling = scope.spawn(|| {
            let mut heard = Vec::new();
            while !probed.load(Ordering::SeqCst) {
                heard.extend(poller.get().response().packets());
            }
            heard
        });
        for _ in 0..random.below(4) {
            thread::yield_now();
        }
        probe.probe();
        probed.store(true, Ordering::SeqCst);
        heard.extend(polling.join().unwrap());
    });
    probe.say("5");
    heard.retain(|packet| packet != "6");
    while heard.len() < EVENTS {
        heard.push(probe.message());
    }
    publisher.join().unwrap();
    probe.assert_alive();
    let expected: Vec<String> = (0..EVENTS).map(|n| format!("42[\"n\",{n}]")).collect();
    assert_eq!(heard, expected, "seed {seed}");
}

#[test]
fn nothing_is_lost_or_repeated_on_the_way_over() {
    for seed in 0..12 {
        let hub = TestHub::start();
        upgrade_amid_traffic(&hub, seed);
    }
}

#[test]
fn only_one_websocket_takes_the_place() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut probe = Probe::open(&hub, &poller);
    assert_eq!(Probe::open(&hub, &poller).hear(), None, "before the probe");
    probe.probe();
    assert_eq!(Probe::open(&hub, &poller).hear(), None, "while it changes");
    probe.say("5");
    probe.assert_alive();
    assert_eq!(Probe::open(&hub, &poller).hear(), None, "afterwards");
    probe.assert_alive();
}

#[test]
fn a_probe_that_goes_wrong_leaves_polling_as_it_was() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    for wrong in [
        &["5"][..],
        &["2"],
        &["40"],
        &["2probe", "2probe"],
        &["2probe", "40"],
    ] {
        let mut probe = Probe::open(&hub, &poller);
        for text in wrong {
            probe.say(text);
        }
        while let Some(text) = probe.hear() {
            assert_eq!(text, "3probe", "{wrong:?}");
        }
        poller.assert_alive();
    }
    for probed in [false, true] {
        let mut probe = Probe::open(&hub, &poller);
        if probed {
            probe.probe();
        }
        drop(probe);
        poller.assert_alive();
    }
    // One that is right takes the place as soon as the hub knows that the last is gone.
    let mut probe = Probe::open(&hub, &poller);
    probe.say("2probe");
    while probe.hear().is_none() {
        probe = Probe::open(&hub, &poller);
        probe.say("2probe");
    }
    probe.say("5");
    probe.assert_alive();
}

#[test]
fn a_probe_is_not_awaited_for_ever() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let begun = Instant::now();
    let mut probe = Probe::open(&hub, &poller);
    probe.probe();
    assert_eq!(probe.hear(), None);
    assert!(begun.elapsed() >= Duration::from_secs(9), "too early");
    poller.assert_alive();
}

#[test]
fn a_session_that_ends_takes_its_probe_with_it() {
    let hub = TestHub::start();
    let poller = Poller::stock(hub.url());
    let mut probe = Probe::open(&hub, &poller);
    probe.probe();
    poller.say("1");
    assert_eq!(probe.hear(), None);
    wait_until("no GET is awaited any more", || {
        poller.get().response().status == 400
    });
    poller.assert_gone();
}

#[test]
fn a_websocket_for_nobody_is_refused() {
    let hub = TestHub::start();
    let target = format!("{SOCKET_IO}?EIO=4&transport=websocket&sid=nobody");
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    request(hub.url(), "GET", &target, &upgrade).assert_refused(1);
}

#[test]
fn a_hub_that_ends_closes_what_was_upgraded_and_what_was_about_to_be() {
    let mut hub = TestHub::start();
    let pollers = [Poller::stock(hub.url()), Poller::stock(hub.url())];
    let mut probes = pollers.each_ref().map(|poller| Probe::open(&hub, poller));
    probes.iter_mut().for_each(Probe::probe);
    probes[0].say("5");
    probes[0].assert_alive();
    let begun = Instant::now();
    hub.stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    for probe in &mut probes {
        assert_eq!(probe.hear(), None);
    }
}
