//! `kill -9` of hubs, publishers and subscribers under load: nothing confirmed is lost, nothing comes twice that was sent
//! once, and the order stays.

mod publisher;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use self::publisher::Publisher;
use crate::harness::{Running, TestHub, wait_until};
use crate::random::Random;

const ROUNDS: usize = 10;

mod long {
    const ROUNDS: usize = 200;

    #[test]
    #[ignore = "long"]
    fn a_killed_hub_loses_nothing_and_repeats_nothing() {
        super::kill_hubs(ROUNDS);
    }

    #[test]
    #[ignore = "long"]
    fn a_killed_pub_leaves_a_beginning_of_what_it_read() {
        super::kill_publishers(ROUNDS);
    }

    #[test]
    #[ignore = "long"]
    fn a_killed_sub_goes_on_where_it_acked() {
        super::kill_subscribers(ROUNDS);
    }
}

/// `name 0` to `name count-1`, a line each.
fn numbered(name: &str, count: usize) -> String {
    (0..count).map(|n| format!("{name} {n}\n")).collect()
}

/// The numbers of each name's lines, in the order they stand in.
fn by_name<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<usize>> {
    let mut names = BTreeMap::<String, Vec<usize>>::new();
    for line in lines {
        let (name, number) = line
            .split_once(' ')
            .unwrap_or_else(|| panic!("{line:?} was never sent"));
        let number = number
            .parse()
            .unwrap_or_else(|_| panic!("{line:?} was never sent"));
        names.entry(name.to_owned()).or_default().push(number);
    }
    names
}

/// Every number from 0 on, once and in order.
fn assert_contiguous(what: &str, numbers: &[usize]) {
    for (expected, found) in numbers.iter().enumerate() {
        assert_eq!(
            *found,
            expected,
            "{what}: line {expected} of {}",
            numbers.len()
        );
    }
}

/// All that the room holds.
fn stored(hub: &TestHub, room: &str) -> String {
    let outcome = hub
        .cmd(&["sub", room, "--since", "0", "--drain"])
        .any_stdout()
        .check();
    outcome.stdout().into_owned()
}

/// Lines from a subscriber up to one that says the end.
fn until_end(subscriber: &mut Running) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = subscriber.line();
        if line == "end" {
            return lines;
        }
        lines.push(line);
    }
}

fn assert_complete(what: &str, lines: &[String], expected: &BTreeMap<String, usize>) {
    let names = by_name(lines.iter().map(String::as_str));
    for (name, numbers) in &names {
        assert_contiguous(&format!("{what}, {name}"), numbers);
    }
    let counts: BTreeMap<String, usize> = names
        .into_iter()
        .map(|(name, numbers)| (name, numbers.len()))
        .collect();
    assert_eq!(counts, *expected, "{what}");
}

#[test]
fn a_killed_hub_loses_nothing_and_repeats_nothing() {
    kill_hubs(ROUNDS);
}

fn kill_hubs(rounds: usize) {
    let mut random = Random::from_env("kill -9 of the hub");
    let mut left = rounds;
    while left > 0 {
        // A hub after the other: each round reads all that its hub holds.
        let rounds = left.min(10);
        kill_the_hub(rounds, &mut random);
        left -= rounds;
    }
}

fn kill_the_hub(rounds: usize, random: &mut Random) {
    let mut hub = TestHub::start();
    let mut named = hub.cmd(&["sub", "load", "--as", "reader"]).spawn();
    let mut plain = hub.cmd(&["sub", "load"]).spawn();
    hub.wait_for_sockets("load", 2);
    let publisher = Publisher::start(hub.url(), "load", "raw", random.next());
    let mut expected = BTreeMap::new();
    for round in 0..rounds {
        let name = format!("pub{round}");
        let count = 2_000 + random.below(20_000);
        let before = named.received();
        let confirmed = publisher.confirmed();
        let running = hub
            .cmd(&["pub", "load", "--retry-for", "1m"])
            .stdin(numbered(&name, count))
            .spawn_closed();
        let moment = random.below(150_000);
        wait_until("some load", || {
            named.received() > before + moment || publisher.confirmed() > confirmed + moment / 20
        });
        hub.kill9();
        let confirmed = publisher.confirmed();
        hub.restart();
        let ended = running.wait();
        let there = by_name(stored(&hub, "load").lines());
        let raw = there.get("raw").map_or(0, Vec::len);
        assert!(
            raw >= confirmed,
            "round {round}: {confirmed} lines were confirmed, {raw} are there"
        );
        assert_contiguous("raw", there.get("raw").map_or(&[], Vec::as_slice));
        let lines = there.get(&name).map_or(&[][..], Vec::as_slice);
        assert_contiguous(&name, lines);
        // Who never reached the hub says so at once, and has sent nothing.
        let count = match ended.status {
            3 if ended.stderr().contains("cannot reach") => 0,
            status => {
                assert_eq!(status, 0, "round {round}: {}", ended.stderr());
                count
            }
        };
        assert_eq!(lines.len(), count, "round {round}: {name}");
        if count > 0 {
            expected.insert(name, count);
        }
    }
    expected.insert("raw".to_owned(), publisher.finish());
    hub.publish("load", "end\n");
    assert_complete("the named one", &until_end(&mut named), &expected);
    assert_complete("the unnamed one", &until_end(&mut plain), &expected);
    for subscriber in [named, plain] {
        subscriber.signal(Signal::INT);
        assert_eq!(subscriber.wait().status, 130);
    }
    assert_eq!(hub.pending("load", "reader"), Some(0));
}

#[test]
fn a_killed_pub_leaves_a_beginning_of_what_it_read() {
    kill_publishers(ROUNDS);
}

fn kill_publishers(rounds: usize) {
    let mut random = Random::from_env("kill -9 of pub");
    let hub = TestHub::start();
    let mut reader = hub.cmd(&["sub", "load"]).spawn();
    hub.wait_for_sockets("load", 1);
    for round in 0..rounds {
        let name = format!("pub{round}");
        let before = reader.received();
        let mut running = hub
            .cmd(&["pub", "load"])
            .stdin(numbered(&name, 50_000))
            .spawn();
        let moment = random.below(400_000);
        wait_until("some load", || {
            reader.received() > before + moment || !running.is_alive()
        });
        running.signal(Signal::KILL);
        assert_eq!(running.wait().status, 137);
    }
    hub.publish("load", "end\n");
    let lines = until_end(&mut reader);
    for (name, numbers) in by_name(lines.iter().map(String::as_str)) {
        assert_contiguous(&name, &numbers);
    }
    let there = stored(&hub, "load");
    let there: Vec<&str> = there.lines().collect();
    assert_eq!(
        there.split_last().map(|(_, before)| before.len()),
        Some(lines.len())
    );
}

#[test]
fn a_killed_sub_goes_on_where_it_acked() {
    kill_subscribers(ROUNDS);
}

/// The outputs of a member that is killed again and again, one after the other: complete, in order, and repeated only
/// where it had not acked.
fn kill_subscribers(rounds: usize) {
    let mut random = Random::from_env("kill -9 of sub");
    let hub = TestHub::start();
    hub.cmd(&["join", "load", "--as", "reader"]).check();
    let publisher = Publisher::start(hub.url(), "load", "raw", random.next());
    // The next line that the next life may begin with at the latest, and whether it must be that one.
    let (mut next, mut exact) = (0, true);
    for round in 0..rounds {
        let numbers = if random.below(3) == 0 {
            let count = (1 + random.below(3_000)).to_string();
            let arguments = ["sub", "load", "--as", "reader", "-n", &count];
            let outcome = hub.cmd(&arguments).any_stdout().check();
            let numbers = raw_numbers(&outcome.stdout);
            assert_eq!(numbers.len().to_string(), count);
            take_up(round, &numbers, next, exact);
            (next, exact) = (numbers[numbers.len() - 1] + 1, true);
            continue;
        } else {
            let life = hub.cmd(&["sub", "load", "--as", "reader"]).spawn();
            let moment = random.below(100_000);
            wait_until("something to be written", || life.received() > moment);
            life.signal(Signal::KILL);
            raw_numbers(&life.wait().stdout)
        };
        take_up(round, &numbers, next, exact);
        let written = numbers.last().map_or(next, |last| last + 1);
        (next, exact) = (written.max(next), false);
    }
    let total = publisher.finish();
    let outcome = hub
        .cmd(&["sub", "load", "--as", "reader", "--drain"])
        .any_stdout()
        .check();
    let numbers = raw_numbers(&outcome.stdout);
    take_up(rounds, &numbers, next, exact);
    assert_eq!(
        numbers.last().map_or(next, |last| last + 1),
        total,
        "complete"
    );
    assert_eq!(hub.pending("load", "reader"), Some(0));
}

/// The numbers on whole lines: the last one may have been cut by the kill.
fn raw_numbers(stdout: &[u8]) -> Vec<usize> {
    let text = String::from_utf8_lossy(stdout);
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    let names = by_name(whole.map(str::trim_end));
    names.get("raw").cloned().unwrap_or_default()
}

/// A life's lines are contiguous, leave no gap behind the earlier ones, and repeat no more than was on its way.
fn take_up(round: usize, numbers: &[usize], next: usize, exact: bool) {
    /// What may be written and not yet acked when the process is killed: a report a MiB, and what a pipe holds.
    const UNACKED_BYTES: usize = (1 << 20) + (256 << 10);
    let Some(first) = numbers.first() else {
        return;
    };
    for (at, number) in numbers.iter().enumerate() {
        assert_eq!(*number, first + at, "round {round}: contiguous");
    }
    assert!(*first <= next, "round {round}: {next} to {first} were lost");
    if exact {
        assert_eq!(*first, next, "round {round}: what was acked came again");
    }
    let shortest = "raw 0\n".len();
    assert!(
        next - first <= UNACKED_BYTES / shortest,
        "round {round}: {first} again after {next}"
    );
}

#[test]
fn pub_outlives_a_hub_that_is_away_in_the_middle_of_a_file() {
    let mut hub = TestHub::start();
    let file = hub.folder().join("lines");
    // Long enough not to be on its way as a whole when the hub goes.
    let count = 300_000;
    let lines: String = (0..count).map(|n| format!("file {n:090}\n")).collect();
    std::fs::write(&file, &lines).unwrap();
    let mut reader = hub.cmd(&["sub", "load"]).spawn();
    hub.wait_for_sockets("load", 1);
    let running = hub
        .cmd(&["pub", "load", "-f", file.to_str().unwrap()])
        .spawn_closed();
    wait_until("the middle of the file", || reader.received() > 1 << 20);
    hub.kill9();
    running.wait_for_stderr("reconnecting");
    let (down, away) = (Instant::now(), Duration::from_secs(5));
    wait_until("five seconds", || down.elapsed() >= away);
    hub.restart();
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{}", ended.stderr());
    assert!(ended.stderr().contains("back at"), "{}", ended.stderr());
    hub.publish("load", "end\n");
    let expected = BTreeMap::from([("file".to_owned(), count)]);
    assert_complete("the reader", &until_end(&mut reader), &expected);
    assert!(stored(&hub, "load") == lines + "end\n", "each line once");
}
