//! `emit`: one event to any Socket.IO server.

use tokio::select;
use tokio::time::Instant;

use crate::cli::args::emit::EmitArgs;
use crate::cli::failure::Failure;
use crate::cli::io::arguments::{WordMode, arguments};
use crate::cli::io::stdout::{self, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::connect::asking;
use crate::cli::remote::target::target;
use crate::cli::settings::Global;
use crate::client::connection_state::{ClientConnection, wait_until};
use crate::client::plain_connection::{EventArgs, ServerMessage};
use crate::client::{ClientError, DisconnectReason, PlainConnection, Target};

/// Of the only event.
const ACK_ID: u64 = 0;

pub async fn run(args: &EmitArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = target(global, &args.remote, [])?;
    let how = if args.text {
        WordMode::Text
    } else {
        WordMode::Auto
    };
    // Before a signal is anything but the process's end: stdin may be a terminal.
    let arguments = arguments(&args.event, &args.args, how)?;
    let mut signals = crate::cli::runtime::listen()?;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let answer = select! {
        answer = asking(&target.url, emitted(&target, args, &arguments)) => answer?,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = wait_until(deadline) => return Err(Failure::Timeout(args.timeout.unwrap_or_default())),
    };
    match answer {
        Some(answer) => select! {
            printed = print(args, &target, &answer) => printed,
            signal = signals.next() => Err(Failure::Signal(signal)),
        },
        None => Ok(()),
    }
}

async fn emitted(
    target: &Target,
    args: &EmitArgs,
    arguments: &EventArgs,
) -> Result<Option<EventArgs>, ClientError> {
    let mut plain = PlainConnection::open(target, None)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let lost = |reason: DisconnectReason| reason.with_url(&target.url);
    let id = args.ack.then_some(ACK_ID);
    plain.emit(id, &args.event, arguments);
    let answer = match args.ack {
        true => Some(answered(&mut plain, target).await?),
        false => {
            plain.settle().await.map_err(lost)?;
            None
        }
    };
    plain.close().await;
    Ok(answer)
}

async fn answered(plain: &mut PlainConnection, target: &Target) -> Result<EventArgs, ClientError> {
    loop {
        match plain.next().await {
            Ok(ServerMessage::Ack { id: ACK_ID, args }) => return Ok(args),
            Ok(ServerMessage::Disconnected(refusal)) => {
                let url = target.url.to_string();
                return Err(ClientError::Denied { url, refusal });
            }
            Ok(_) => {}
            Err(reason) => return Err(reason.with_url(&target.url)),
        }
    }
}

/// An acknowledgement is an event without a name.
async fn print(args: &EmitArgs, target: &Target, answer: &EventArgs) -> Result<(), Failure> {
    let form = if args.data {
        OutputFormat::Data(Terminator::Newline)
    } else {
        OutputFormat::Args
    };
    let mut output = stdout::start(form);
    let event = args.event.clone();
    output.write(OutputBatch::event(event, answer, target.namespace.clone()));
    output.finish();
    // How far it came is reported before why it came no further.
    while let Some(wrote) = output.reports.recv().await {
        match wrote {
            WriteReport::Failed(error) => return Err(Failure::Output(error)),
            // Success.
            WriteReport::Closed { .. } => break,
            WriteReport::Upto { .. } => {}
        }
    }
    Ok(())
}
