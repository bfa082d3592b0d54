//! `queue peek`: what waits for a member, on stdout; nothing moves.

use tokio::select;

use super::answer::about;
use crate::cli::args::queue::PeekArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect::peer_or_signal;
use crate::cli::remote::delivery::{End, Flow, Reading, tell_link};
use crate::cli::remote::target::target;
use crate::cli::settings::Global;
use crate::client::{
    ClientEvent, DeliveryMode, HubClient, PeekRequest, RetryPolicy, SubscribeRequest,
};

pub async fn run(args: &PeekArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = target(global, &args.remote, &args.room)?;
    let mut signals = crate::cli::runtime::listen()?;
    // Who comes back would begin anew.
    let mut peer = peer_or_signal(&target, RetryPolicy::Never, &mut signals).await?;
    peer.subscribe(SubscribeRequest {
        rooms: Vec::new(),
        mode: DeliveryMode::Peek(PeekRequest {
            name: args.name.clone(),
            room: rooms.first().cloned(),
        }),
        ..SubscribeRequest::default()
    });
    let form = if args.json {
        OutputFormat::Json
    } else {
        OutputFormat::Data(Terminator::Newline)
    };
    let mut reading = Reading::new(stdout::start(form), &target).at_most(args.count);
    let end = select! {
        end = follow(&mut peer, &mut reading) => end,
        signal = signals.next() => Ok(End::Signal(signal)),
    };
    let finished = match end {
        Ok(end) => reading.finish(peer, &mut signals, end).await,
        Err(failure) => {
            peer.close().await;
            Err(failure)
        }
    };
    finished.map_err(|failure| about(failure, &args.name, &target.namespace, rooms.first()))
}

async fn follow(peer: &mut HubClient, reading: &mut Reading) -> Result<End, Failure> {
    loop {
        let flow = select! {
            report = reading.report() => reading.wrote(peer, report)?,
            event = peer.next_event() => {
                let event = event?;
                tell_link(&event, peer.url());
                match event {
                    ClientEvent::Batch { header, body } => reading.batch(peer, header, body),
                    ClientEvent::CaughtUp => Flow::Enough,
                    _ => Flow::More,
                }
            }
        };
        if flow == Flow::Enough {
            return Ok(End::Done);
        }
    }
}
