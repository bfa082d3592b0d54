//! `--keep-pending` reached: refused, with the name of the member that is behind, and taken again when it is not; and
//! hubs that go away for good.

use crate::harness::TestHub;
use crate::raw::{Raw, lines};

const LINE: usize = 100;

fn long(from: usize, to: usize) -> String {
    (from..to).map(|n| format!("{n:099}\n")).collect()
}

#[test]
fn a_full_pending_queue_names_the_member_and_what_frees_it() {
    let hub = TestHub::with(&["--keep-pending", "7d/2MiB", "--keep", "0"]);
    hub.cmd(&["join", "load", "--as", "sleeper"]).check();
    hub.cmd(&["join", "other", "--as", "dozer"]).check();
    hub.publish("other", "a little\n");
    let mut raw = Raw::roomcat(hub.url());
    let body = long(0, 1000);
    let refused = (0..100).find_map(|_| {
        let answer = raw.batch("/", &lines("load", 1000), body.as_bytes());
        (answer["ok"] != true).then_some(answer)
    });
    let refused = refused.expect("100 batches are 10 MB");
    assert_eq!(refused["error"]["code"], "full", "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    for part in ["sleeper", "load"] {
        assert!(message.contains(part), "{message}");
    }
    let outcome = hub
        .cmd(&["pub", "load", "--retry-for", "500ms"])
        .stdin(&body)
        .any_stderr()
        .run();
    assert_ne!(outcome.status, 0);
    let stderr = outcome.stderr();
    for part in ["sleeper", "roomcat leave", "1000 lines not confirmed"] {
        assert!(stderr.contains(part), "{part:?}: {stderr}");
    }
    hub.cmd(&["leave", "load", "--as", "sleeper"]).check();
    hub.publish("load", &body);
    assert_eq!(
        hub.pending("other", "dozer"),
        Some(1),
        "the others' is still there"
    );
}

#[test]
fn a_refused_record_in_the_middle_of_a_stream_is_not_lost() {
    let hub = TestHub::with(&["--keep-pending", "7d/2MiB", "--keep", "0"]);
    hub.cmd(&["join", "load", "--as", "sleeper"]).check();
    let count = 100_000;
    let wanted = count.to_string();
    let reader = hub
        .cmd(&["sub", "load", "--as", "reader", "-n", &wanted])
        .spawn();
    hub.wait_for_sockets("load", 1);
    let expected = long(0, count);
    let publisher = hub.cmd(&["pub", "load"]).stdin(&expected).spawn_closed();
    publisher.wait_for_stderr("accepts no messages for now");
    assert!(reader.received() < count * LINE);
    hub.cmd(&["leave", "load", "--as", "sleeper"]).check();
    let ended = publisher.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    let ended = reader.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert!(
        ended.stdout == expected.as_bytes(),
        "every line once, in order"
    );
}

#[test]
fn a_hub_that_goes_for_good_is_given_up_with_the_number_of_lines() {
    let mut hub = TestHub::start();
    let mut running = hub.cmd(&["pub", "r", "--retry-for", "1s"]).spawn();
    running.write("1\n");
    hub.wait_for_room_messages("r", 1);
    hub.kill9();
    running.write("2\n3\n4\n");
    running.close_stdin();
    let ended = running.wait();
    assert_eq!(ended.status, 3, "{}", ended.stderr());
    let stderr = ended.stderr();
    assert!(stderr.contains("3 lines not confirmed"), "{stderr}");
}

#[test]
fn sub_without_reconnecting_ends_with_its_hub() {
    let mut hub = TestHub::start();
    let mut reader = hub.cmd(&["sub", "r", "--no-reconnect"]).spawn();
    hub.wait_for_sockets("r", 1);
    hub.publish("r", "1\n");
    assert_eq!(reader.line(), "1");
    hub.kill9();
    let ended = reader.wait();
    assert_eq!(ended.status, 3, "{}", ended.stderr());
    assert!(ended.stderr().contains("lost"), "{}", ended.stderr());
}

#[test]
fn sub_on_a_hub_that_stops_in_order_reconnects_as_well() {
    let mut hub = TestHub::start();
    let mut reader = hub.cmd(&["sub", "r", "--as", "m", "-n", "2"]).spawn();
    hub.wait_for_sockets("r", 1);
    hub.publish("r", "1\n");
    assert_eq!(reader.line(), "1");
    hub.stop();
    reader.wait_for_stderr("reconnecting");
    hub.restart();
    reader.wait_for_stderr("back at");
    hub.publish("r", "2\n");
    assert_eq!(reader.line(), "2");
    assert_eq!(reader.wait().status, 0);
}
