//! `sub`: writes the messages of rooms to stdout.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use tokio::select;

use crate::address::RoomName;
use crate::cli::args::sub::SubArgs;
use crate::cli::commands::exec::{CommandRunner, WorkerPool, reject_dead_letter_loop};
use crate::cli::commands::stream::receiver::StreamReceiver;
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::presence;
use crate::cli::remote::target::{resolve_target, room_of_flag};
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::{
    ClientEvent, HubClient, PresenceUpdates, RetryPolicy, SubscribeRequest, Target,
};

pub async fn run(args: &SubArgs, global: &Global) -> Result<(), Failure> {
    require_name(args, global)?;
    let (target, rooms) = resolve_target(global, &args.remote, &args.rooms)?;
    let dead_letter_room = room_of_flag(&target, &args.exec.dead_letter, "--dead-letter")?;
    if args.exec.command.is_some() {
        reject_dead_letter_loop(&rooms, &dead_letter_room)?;
    }
    let mut interrupts = Interrupts::listen(args.timeout)?;
    let retry = if args.no_reconnect {
        RetryPolicy::Never
    } else {
        RetryPolicy::Forever
    };
    let mut peer = interrupts.run(connect_hub(&target, retry)).await?;
    peer.subscribe(subscription(args, rooms));
    let result = if let Some(command) = &args.exec.command {
        let max_message = peer.hub_info().limits.message;
        let child_variables = global.child_variables.clone();
        let runner = CommandRunner::new(
            command,
            &args.exec,
            output_format(args),
            child_variables,
            max_message,
        );
        let pool = WorkerPool::new(runner, args, target, dead_letter_room, max_message);
        pool.run(peer, &mut interrupts).await
    } else if args.stream.stream {
        let receiver = StreamReceiver::new(args, &target);
        receiver.run(peer, &mut interrupts).await
    } else {
        write_messages(args, &target, peer, &mut interrupts).await
    };
    result.map_err(|failure| failure.with_name(global.name.as_ref()))
}

/// Errors: the flags need a client name, and there is none.
fn require_name(args: &SubArgs, global: &Global) -> Result<(), Failure> {
    let problem = match &global.name {
        Some(_) => return Ok(()),
        None if args.rooms.is_empty() => {
            "sub needs a room; with --as NAME and no room it reads every room that NAME joined"
        }
        None if args.share.share => "--share splits the queue of a name: add --as NAME",
        None => return Ok(()),
    };
    Err(Failure::Usage(problem.to_owned()))
}

fn subscription(args: &SubArgs, rooms: Vec<RoomName>) -> SubscribeRequest {
    let jobs = args.exec.command.as_ref().map(|_| args.exec.jobs.get());
    SubscribeRequest {
        rooms,
        since: args.since,
        last: args.last,
        mode: args.share.delivery_mode(jobs, args.count),
        presence: if args.presence {
            PresenceUpdates::On
        } else {
            PresenceUpdates::Off
        },
    }
}

async fn write_messages(
    args: &SubArgs,
    target: &Target,
    mut peer: HubClient,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let mut output = AckingOutput::new(stdout::start(output_format(args)), target)
        .only_event(args.event.clone())
        .limit(args.count);
    let mut progress = progress(args);
    let receive = receive(&mut peer, &mut output, &mut progress, args);
    let ended = interrupts.run(receive).await;
    if ended.is_err() {
        end_progress(&mut progress, &ended);
        progress = Progress::hidden();
    }
    let finished = output
        .finish_with_progress(peer, interrupts, ended, &mut progress)
        .await;
    end_progress(&mut progress, &finished);
    finished
}

/// Removes the progress line; after a signal, its count stays.
fn end_progress(progress: &mut Progress, result: &Result<(), Failure>) {
    progress.clear();
    if let (Err(Failure::Signal(_)), Some(written)) = (result, progress.counted()) {
        term::note(format!("{} written", quantity(written, "message")));
    }
}

async fn receive(
    peer: &mut HubClient,
    output: &mut AckingOutput,
    progress: &mut Progress,
    args: &SubArgs,
) -> Result<(), Failure> {
    loop {
        let written = output.written();
        let flow = select! {
            report = output.next_report() => output.handle_report(peer, report)?,
            event = peer.next_event() => {
                let event = event?;
                // Other sharers may take some of the pending messages, so their number says nothing then.
                let knows_total = args.drain && !args.share.share;
                if let (true, ClientEvent::Subscribed { pending, .. }) = (knows_total, &event) {
                    progress.set_total(*pending);
                }
                // Removes the status before a message is written over it.
                if let ClientEvent::Reconnected { .. } = event {
                    progress.draw(reconnect_status(peer));
                }
                handle_event(event, peer, output, args)
            }
            () = progress.due() => {
                progress.draw(reconnect_status(peer).filter(|_| output.is_flushed()));
                Flow::Continue
            }
        };
        progress.add(output.written() - written, 0);
        if flow == Flow::Stop {
            return Ok(());
        }
    }
}

fn handle_event(
    event: ClientEvent,
    peer: &mut HubClient,
    output: &mut AckingOutput,
    args: &SubArgs,
) -> Flow {
    note_event(&event, peer.url());
    match event {
        ClientEvent::Batch { header, body } => output.write_batch(peer, header, body),
        ClientEvent::Presence(change) if args.json => {
            output.write_note(presence::json_line(&change, output.namespace()));
            Flow::Continue
        }
        ClientEvent::Presence(change) => {
            presence::print_note(&change, output.namespace());
            Flow::Continue
        }
        ClientEvent::CaughtUp if args.drain => Flow::Stop,
        _ => Flow::Continue,
    }
}

/// On a terminal the messages are their own progress. There, messages that end no line leave none free for a status either.
fn progress(args: &SubArgs) -> Progress {
    let is_terminal = io::stdout().is_terminal();
    match (is_terminal, args.count, args.drain) {
        (true, ..) if args.raw || args.null => Progress::hidden(),
        (true, ..) | (false, None, false) => Progress::new(ProgressKind::Wait),
        (false, count, _) => Progress::new(ProgressKind::Write(count)),
    }
}

fn output_format(args: &SubArgs) -> OutputFormat {
    let terminator = match (args.null, args.raw) {
        (true, _) => Terminator::Nul,
        (false, true) => Terminator::Raw,
        (false, false) => Terminator::Newline,
    };
    match (args.json, &args.format) {
        (true, _) => OutputFormat::Json,
        (false, Some(format)) => OutputFormat::Template(Arc::new(format.clone()), terminator),
        (false, None) => OutputFormat::Data(terminator),
    }
}
