//! `queue peek`: writes the messages that wait for a member to stdout, and leaves them waiting.

use tokio::select;

use super::refusal::name_member;
use crate::cli::args::queue::PeekArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::note_event;
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::settings::Global;
use crate::client::{
    ClientEvent, DeliveryMode, HubClient, PeekRequest, RetryPolicy, SubscribeRequest,
};

pub async fn run(args: &PeekArgs, global: &Global) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, &args.room)?;
    let mut interrupts = Interrupts::listen(None)?;
    // After a reconnect the hub would send everything again.
    let connect = connect_hub(&target, RetryPolicy::Never);
    let mut peer = interrupts.run(connect).await?;
    peer.subscribe(SubscribeRequest {
        rooms: Vec::new(),
        mode: DeliveryMode::Peek(PeekRequest {
            name: args.name.clone(),
            room: rooms.first().cloned(),
        }),
        ..SubscribeRequest::default()
    });
    let format = if args.json {
        OutputFormat::Json
    } else {
        OutputFormat::Data(Terminator::Newline)
    };
    let mut output = AckingOutput::new(stdout::start(format), &target).limit(args.count);
    let ended = interrupts.run(receive(&mut peer, &mut output)).await;
    let finished = output.finish(peer, &mut interrupts, ended).await;
    finished.map_err(|failure| name_member(failure, &args.name, &target.namespace, rooms.first()))
}

async fn receive(peer: &mut HubClient, output: &mut AckingOutput) -> Result<(), Failure> {
    loop {
        let flow = select! {
            report = output.next_report() => output.handle_report(peer, report)?,
            event = peer.next_event() => {
                let event = event?;
                note_event(&event, peer.url());
                match event {
                    ClientEvent::Batch { header, body } => output.write_batch(peer, header, body),
                    ClientEvent::CaughtUp => Flow::Stop,
                    _ => Flow::Continue,
                }
            }
        };
        if flow == Flow::Stop {
            return Ok(());
        }
    }
}
