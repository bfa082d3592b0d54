//! `sub`: rooms to stdout.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tokio::select;
use tokio::time::Instant;

use crate::address::RoomName;
use crate::cli::args::sub::SubArgs;
use crate::cli::commands::exec::{Crew, refuse_a_circle};
use crate::cli::commands::stream::receiving::Receiving;
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect;
use crate::cli::remote::delivery::{End, Flow, Reading, awaited, tell_link};
use crate::cli::remote::presence;
use crate::cli::remote::target::{room_beside, target};
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::connection_state::wait_until;
use crate::client::{ClientEvent, HubClient, PresenceUpdates, RetryPolicy, SubscribeRequest};

pub async fn run(args: &SubArgs, global: &Global) -> Result<(), Failure> {
    refuse_the_nameless(args, global)?;
    let (target, rooms) = target(global, &args.remote, &args.rooms)?;
    let dead = room_beside(&target, &args.script.dead_letter, "--dead-letter")?;
    if args.script.exec.is_some() {
        refuse_a_circle(&rooms, &dead)?;
    }
    let mut signals = crate::cli::runtime::listen()?;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let timeout = || args.timeout.unwrap_or_default();
    let retry = if args.no_reconnect {
        RetryPolicy::Never
    } else {
        RetryPolicy::Forever
    };
    let mut peer = select! {
        peer = connect::peer(&target, retry) => peer?,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = wait_until(deadline) => return Err(Failure::Timeout(timeout())),
    };
    peer.subscribe(subscription(args, rooms));
    if let Some(command) = &args.script.exec {
        let way = global.child_variables.clone();
        let crew = Crew::new(command, args, form(args), (&target, way), &peer, dead);
        let worked = crew.run(peer, &mut signals, deadline, timeout()).await;
        return worked.map_err(|failure| failure.about(global.name.as_ref()));
    }
    if args.stream.stream {
        let receiving = Receiving::new(args, &target);
        let received = receiving.run(peer, &mut signals, deadline, timeout()).await;
        return received.map_err(|failure| failure.about(global.name.as_ref()));
    }
    let mut reading = Reading::new(stdout::start(form(args)), &target)
        .only(args.event.clone())
        .at_most(args.count);
    let mut progress = progress(args);
    let end = select! {
        end = follow(&mut peer, &mut reading, &mut progress, args) => end,
        signal = signals.next() => Ok(End::Signal(signal)),
        () = wait_until(deadline) => Ok(End::Timeout(timeout())),
    };
    if let Ok(End::Signal(_)) = end {
        say_written(&mut progress);
    }
    let finished = match end {
        Ok(End::Done) => {
            let showing = &mut progress;
            let finished = reading.finish_showing(peer, &mut signals, End::Done, showing);
            finished.await.inspect_err(|failure| {
                if let Failure::Signal(_) = failure {
                    say_written(showing);
                }
            })
        }
        Ok(end) => {
            progress.clear();
            reading.finish(peer, &mut signals, end).await
        }
        Err(failure) => {
            peer.close().await;
            Err(failure)
        }
    };
    progress.clear();
    finished.map_err(|failure| failure.about(global.name.as_ref()))
}

fn refuse_the_nameless(args: &SubArgs, global: &Global) -> Result<(), Failure> {
    let why = match &global.name {
        Some(_) => return Ok(()),
        None if args.rooms.is_empty() => {
            "sub wants a room; without one, --as NAME gets every room that NAME joined"
        }
        None if args.share.share => "--share splits what waits for a name: give it with --as NAME",
        None => return Ok(()),
    };
    Err(Failure::Usage(why.to_owned()))
}

fn subscription(args: &SubArgs, rooms: Vec<RoomName>) -> SubscribeRequest {
    let jobs = args.script.exec.as_ref().map(|_| args.script.jobs.get());
    SubscribeRequest {
        rooms,
        since: args.since,
        last: args.last,
        mode: args.share.way(jobs, args.count),
        presence: if args.presence {
            PresenceUpdates::On
        } else {
            PresenceUpdates::Off
        },
    }
}

/// What was shown goes, and the sum of it stays.
fn say_written(progress: &mut Progress) {
    if let Some(written) = progress.counted() {
        progress.clear();
        term::note(format!("{written} messages written"));
    }
}

async fn follow(
    peer: &mut HubClient,
    reading: &mut Reading,
    progress: &mut Progress,
    args: &SubArgs,
) -> Result<End, Failure> {
    loop {
        let written = reading.written();
        let flow = select! {
            report = reading.report() => reading.wrote(peer, report)?,
            event = peer.next_event() => {
                let event = event?;
                // Others may take a part of what is pending.
                let alone = args.drain && !args.share.share;
                if let (true, ClientEvent::Subscribed { pending, .. }) = (alone, &event) {
                    progress.set_total(*pending);
                }
                // What comes now may be written at once, and the last line is not ours then.
                if let ClientEvent::Reconnected { .. } = event {
                    progress.draw(awaited(peer));
                }
                happened(event, peer, reading, args)
            }
            () = progress.due() => {
                progress.draw(awaited(peer).filter(|_| reading.is_settled()));
                Flow::More
            }
        };
        progress.add(reading.written() - written, 0);
        if flow == Flow::Enough {
            return Ok(End::Done);
        }
    }
}

fn happened(
    event: ClientEvent,
    peer: &mut HubClient,
    reading: &mut Reading,
    args: &SubArgs,
) -> Flow {
    tell_link(&event, peer.url());
    match event {
        ClientEvent::Batch { header, body } => reading.batch(peer, header, body),
        ClientEvent::Presence(moved) if args.json => {
            reading.aside(presence::object(&moved, reading.namespace()));
            Flow::More
        }
        ClientEvent::Presence(moved) => {
            presence::note(&moved, reading.namespace());
            Flow::More
        }
        ClientEvent::CaughtUp if args.drain => Flow::Enough,
        _ => Flow::More,
    }
}

/// On a terminal the messages are their own progress, and nothing may stand between them. What does not end its lines
/// leaves no line to draw on.
fn progress(args: &SubArgs) -> Progress {
    match (stdout_is_a_terminal(), args.count, args.drain) {
        (true, ..) if args.raw || args.null => Progress::hidden(),
        (true, ..) | (false, None, false) => Progress::new(ProgressKind::Wait),
        (false, count, _) => Progress::new(ProgressKind::Write(count)),
    }
}

fn stdout_is_a_terminal() -> bool {
    io::stdout().is_terminal()
}

fn form(args: &SubArgs) -> OutputFormat {
    let ending = match (args.null, args.raw) {
        (true, _) => Terminator::Nul,
        (false, true) => Terminator::Raw,
        (false, false) => Terminator::Newline,
    };
    match (args.json, &args.format) {
        (true, _) => OutputFormat::Json,
        (false, Some(format)) => OutputFormat::Template(Arc::new(format.clone()), ending),
        (false, None) => OutputFormat::Data(ending),
    }
}
