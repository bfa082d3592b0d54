//! `emit`: sends one event to any Socket.IO server.

use crate::cli::args::emit::EmitArgs;
use crate::cli::failure::Failure;
use crate::cli::io::arguments::{WordMode, arguments};
use crate::cli::io::stdout::{self, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::connect::await_answer;
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::settings::Global;
use crate::client::connection_state::ClientConnection;
use crate::client::plain_connection::{EventArgs, ServerMessage};
use crate::client::{ClientError, DisconnectReason, PlainConnection, Target};

/// The ack id of the only event.
const ACK_ID: u64 = 0;

pub async fn run(args: &EmitArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = resolve_target(global, &args.remote, [])?;
    let words = if args.text {
        WordMode::Text
    } else {
        WordMode::Auto
    };
    // Stdin may be a terminal, so it is read while a signal still ends the process.
    let arguments = arguments(&args.event, &args.args, words)?;
    let mut interrupts = Interrupts::listen(args.timeout)?;
    let emit = await_answer(&target.url, emit(&target, args, &arguments));
    let Some(answer) = interrupts.run(emit).await? else {
        return Ok(());
    };
    interrupts.set_timeout(None);
    interrupts.run(print(args, &target, &answer)).await
}

/// Sends the event. With `--ack`, returns its acknowledgement.
async fn emit(
    target: &Target,
    args: &EmitArgs,
    arguments: &EventArgs,
) -> Result<Option<EventArgs>, ClientError> {
    let mut connection = PlainConnection::open(target, None)
        .await
        .map_err(|error| error.with_url(&target.url))?;
    let with_url = |reason: DisconnectReason| reason.with_url(&target.url);
    let id = args.ack.then_some(ACK_ID);
    connection.emit(id, &args.event, arguments);
    let ack = if args.ack {
        Some(receive_ack(&mut connection, target).await?)
    } else {
        connection.settle().await.map_err(with_url)?;
        None
    };
    connection.close().await;
    Ok(ack)
}

async fn receive_ack(
    connection: &mut PlainConnection,
    target: &Target,
) -> Result<EventArgs, ClientError> {
    loop {
        match connection.next().await {
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

/// Prints an acknowledgement, which is an event without a name.
async fn print(args: &EmitArgs, target: &Target, ack: &EventArgs) -> Result<(), Failure> {
    let format = if args.data {
        OutputFormat::Data(Terminator::Newline)
    } else {
        OutputFormat::Args
    };
    let mut output = stdout::start(format);
    let event = args.event.clone();
    output.write(OutputBatch::event(event, ack, target.namespace.clone()));
    output.finish();
    while let Some(report) = output.reports.recv().await {
        match report {
            WriteReport::Failed(error) => return Err(Failure::Output(error)),
            // A closed stdout is success.
            WriteReport::Closed { .. } => break,
            WriteReport::Upto { .. } => {}
        }
    }
    Ok(())
}
