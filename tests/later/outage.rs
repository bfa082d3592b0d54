//! Hubs that are away when it is due: stopped, killed, or without room on their disk.

use serde_json::json;

use super::{HOUR_MS, an_hour_later, header, now_ms, pass_an_hour, stored};
use crate::harness::{Running, TestHub, wait_until};
use crate::random::Random;
use crate::raw::Raw;

fn put_away(hub: &TestHub) {
    let mut raw = Raw::roomcat(hub.url());
    let due = now_ms() + HOUR_MS;
    for (line, due) in [
        ("third\n", due + 2),
        ("first\n", due),
        ("fourth\n", due + 2),
        ("second\n", due + 1),
        ("tomorrow\n", due + 24 * HOUR_MS),
    ] {
        let answer = raw.batch("/", &header(json!({"due": due})), line.as_bytes());
        assert_eq!(answer["due"], due, "{answer}");
    }
}

const IN_ORDER: &str = "first\nsecond\nthird\nfourth\n";

#[test]
fn it_outlives_a_hub_that_is_stopped_and_comes_late_in_its_order() {
    let mut hub = TestHub::start();
    hub.cmd(&["join", "a", "--as", "m"]).check();
    put_away(&hub);
    hub.stop();
    hub.restart();
    assert_eq!(stored(&hub), "", "none of it is due");
    let before = now_ms();
    an_hour_later(&mut hub);
    hub.wait_for_room_messages("a", 4);
    assert_eq!(stored(&hub), IN_ORDER);
    assert_eq!(hub.pending("a", "m"), Some(4));
    // The log says when it was there in truth.
    let last = hub.room("a").unwrap()["last"].as_str().unwrap().to_owned();
    let last: jiff::Timestamp = last.parse().unwrap();
    assert!(
        u64::try_from(last.as_millisecond()).unwrap() >= before,
        "{last}"
    );
}

#[test]
fn it_outlives_a_hub_that_is_killed() {
    let mut hub = TestHub::start();
    put_away(&hub);
    hub.kill9();
    pass_an_hour(&hub);
    hub.restart();
    hub.wait_for_room_messages("a", 4);
    // What became a record waits no longer.
    hub.kill9();
    hub.restart();
    assert_eq!(stored(&hub), IN_ORDER);
}

#[test]
fn killed_under_load_it_comes_once_and_in_order() {
    kill_under_load(6);
}

mod long {
    #[test]
    #[ignore = "long"]
    fn killed_under_load_it_comes_once_and_in_order() {
        super::kill_under_load(200);
    }
}

/// Kills the hub at any moment: confirmed messages come once and in order, and so do those that are sent again.
fn kill_under_load(rounds: usize) {
    let mut random = Random::from_env("kill -9 while messages wait and come due");
    let mut hub = TestHub::start();
    let mut expected = String::new();
    for round in 0..rounds {
        let text: String = (0..20_000).map(|n| format!("{round} {n}\n")).collect();
        let running: Running = hub
            .cmd(&["pub", "a", "--delay", "150ms", "--retry-for", "1m"])
            .stdin(&text)
            .spawn_closed();
        let moment = random.below(25_000);
        let mut running = Some(running);
        let reached = |hub: &TestHub| {
            let messages = hub
                .room("a")
                .map_or(0, |it| it["messages"].as_u64().unwrap_or(0));
            usize::try_from(messages).unwrap() >= expected.lines().count() + moment.min(19_999)
        };
        // Some are killed while it is sent, the others while it comes due.
        if moment < 5_000 {
            wait_until("the publisher is on its way", || {
                reached(&hub) || !running.as_mut().unwrap().is_alive() || random.below(40) == 0
            });
        } else {
            wait_until("some of it is due", || reached(&hub));
        }
        hub.kill9();
        hub.restart();
        let ended = running.take().unwrap().wait();
        // Who never reached the hub says so at once, and has sent nothing.
        if ended.status == 3 && ended.stderr().contains("cannot reach") {
            continue;
        }
        assert_eq!(ended.status, 0, "round {round}: {}", ended.stderr());
        expected += &text;
        hub.wait_for_room_messages("a", expected.lines().count() as u64);
    }
    assert!(stored(&hub) == expected, "each line once and in order");
}
