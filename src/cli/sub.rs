//! `sub`: rooms to stdout.

use std::sync::Arc;

use tokio::select;
use tokio::time::Instant;

use super::args::{Global, SubArgs};
use super::exec::{Crew, refuse_a_circle};
use super::failure::Failure;
use super::reading::{End, Flow, Reading, tell_link};
use super::stdout::{self, Ending, Form};
use super::target::{room_beside, target};
use crate::client::link::at;
use crate::client::{Event, Peer, Retry, Subscribe};

pub async fn run(args: &SubArgs, global: &Global) -> Result<(), Failure> {
    if args.rooms.is_empty() && global.name.is_none() {
        return Err(Failure::Usage(
            "sub wants a room; without one, --as NAME gets every room that NAME joined".to_owned(),
        ));
    }
    let (target, rooms) = target(global, &args.remote, &args.rooms)?;
    let dead = room_beside(&target, &args.script.dead_letter, "--dead-letter")?;
    if args.script.exec.is_some() {
        refuse_a_circle(&rooms, &dead)?;
    }
    let mut signals = super::listen()?;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let timeout = || args.timeout.unwrap_or_default();
    let retry = match args.no_reconnect {
        true => Retry::Never,
        false => Retry::Forever,
    };
    let mut peer = select! {
        peer = Peer::connect(target.clone(), retry) => peer?,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = at(deadline) => return Err(Failure::Timeout(timeout())),
    };
    peer.subscribe(Subscribe {
        rooms,
        since: args.since,
        last: args.last,
    });
    if let Some(command) = &args.script.exec {
        let crew = Crew::new(command, args, form(args), &target, &peer, dead);
        let worked = crew.run(peer, &mut signals, deadline, timeout()).await;
        return worked.map_err(|failure| failure.about(global.name.as_ref()));
    }
    let mut reading = Reading::new(stdout::start(form(args)), &target)
        .only(args.event.clone())
        .at_most(args.count);
    let end = select! {
        end = follow(&mut peer, &mut reading, args) => end,
        signal = signals.next() => Ok(End::Signal(signal)),
        () = at(deadline) => Ok(End::Timeout(timeout())),
    };
    let finished = match end {
        Ok(end) => reading.finish(peer, &mut signals, end).await,
        Err(failure) => {
            peer.close().await;
            Err(failure)
        }
    };
    finished.map_err(|failure| failure.about(global.name.as_ref()))
}

async fn follow(peer: &mut Peer, reading: &mut Reading, args: &SubArgs) -> Result<End, Failure> {
    loop {
        let flow = select! {
            report = reading.report() => reading.wrote(peer, report)?,
            event = peer.next() => happened(event?, peer, reading, args),
        };
        if flow == Flow::Enough {
            return Ok(End::Done);
        }
    }
}

fn happened(event: Event, peer: &mut Peer, reading: &mut Reading, args: &SubArgs) -> Flow {
    tell_link(&event, peer.url());
    match event {
        Event::Batch { header, body } => reading.batch(peer, header, body),
        Event::CaughtUp if args.drain => Flow::Enough,
        _ => Flow::More,
    }
}

fn form(args: &SubArgs) -> Form {
    let ending = match (args.null, args.raw) {
        (true, _) => Ending::Nul,
        (false, true) => Ending::Raw,
        (false, false) => Ending::Newline,
    };
    match (args.json, &args.format) {
        (true, _) => Form::Json,
        (false, Some(format)) => Form::Format(Arc::new(format.clone()), ending),
        (false, None) => Form::Data(ending),
    }
}
