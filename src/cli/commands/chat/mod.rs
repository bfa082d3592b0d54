//! `chat`: stdin to the room and the room to stdout, without the sender's own lines. At a terminal with a line editor, names
//! and commands (`terminal`); here plain lines, for a pipe.

mod editor;
mod input;
mod screen;
mod style;
mod suspend_signals;
mod terminal;
mod wait_notice;

use std::io::{IsTerminal, stdin, stdout as standard_output};

use tokio::select;

use crate::cli::args::chat::ChatArgs;
use crate::cli::failure::Failure;
use crate::cli::io::envelope::BatchTemplate;
use crate::cli::io::stdin::{Blocks, InputError, InputOptions, InputSource, Payload, Split, read};
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::note_event;
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::{ClientEvent, HubClient, RetryPolicy, SubscribeRequest};
use crate::wire::batch::Audience;
use wait_notice::{WaitNotice, YOUR_MESSAGES};

pub async fn run(args: &ChatArgs, global: &Global) -> Result<(), Failure> {
    if !(stdin().is_terminal() && standard_output().is_terminal()) {
        return run_plain(args, global, OutputFormat::Data(Terminator::Newline)).await;
    }
    if term::is_capable() {
        terminal::run(args, global).await
    } else {
        // Without a line editor, the output still names the senders.
        run_plain(args, global, OutputFormat::Chat).await
    }
}

async fn run_plain(args: &ChatArgs, global: &Global, format: OutputFormat) -> Result<(), Failure> {
    let (target, rooms) = resolve_target(global, &args.remote, [&args.room])?;
    let mut interrupts = Interrupts::listen(args.timeout)?;
    let connect = connect_hub(&target, RetryPolicy::Forever);
    let mut peer = interrupts.run(connect).await?;
    let template = BatchTemplate {
        rooms: rooms.clone(),
        to: Audience::Others,
        ..BatchTemplate::default()
    };
    peer.subscribe(SubscribeRequest {
        rooms,
        ..SubscribeRequest::default()
    });
    let mut input = ChatStdin::new(peer.hub_info().limits.message, args);
    let mut output = AckingOutput::new(stdout::start(format), &target);
    let chat = exchange(&mut peer, &mut output, &mut input, &template);
    let ended = interrupts.run(chat).await;
    let unconfirmed = peer.unconfirmed_messages();
    let finished = output.finish(peer, &mut interrupts, ended).await;
    match (finished, input.failure) {
        (Err(failure), _) => {
            let failure = failure.with_name(global.name.as_ref());
            Err(Failure::unconfirmed(failure, unconfirmed))
        }
        (Ok(()), Some(error)) => Err(error.into()),
        (Ok(()), None) => Ok(()),
    }
}

/// Sends stdin to the room and the room to stdout until the input ends the chat and every message is confirmed.
async fn exchange(
    peer: &mut HubClient,
    output: &mut AckingOutput,
    input: &mut ChatStdin,
    template: &BatchTemplate,
) -> Result<(), Failure> {
    while !input.is_finished(peer) {
        select! {
            report = output.next_report() => {
                // With stdout closed, the messages already read from stdin are still confirmed.
                if output.handle_report(peer, report)? == Flow::Stop {
                    input.stop();
                }
            }
            event = peer.next_event() => {
                let event = event?;
                note_event(&event, peer.url());
                if let ClientEvent::Batch { header, body } = event {
                    output.write_batch(peer, header, body);
                }
            }
            block = input.blocks.next(), if input.is_open && peer.can_publish() => match block {
                Some(Ok(block)) => peer.publish(template.batch(block)),
                Some(Err(error)) => input.fail(error),
                None => input.end(),
            },
            () = input.wait_notice.due() => input.wait_notice.print(YOUR_MESSAGES),
        }
    }
    Ok(())
}

struct ChatStdin {
    blocks: Blocks,
    is_open: bool,
    /// The chat ends with its input, not only by a signal or a closed stdout.
    ends_chat: bool,
    failure: Option<InputError>,
    wait_notice: WaitNotice,
}

impl ChatStdin {
    fn new(max_message: usize, args: &ChatArgs) -> Self {
        let options = InputOptions {
            split: Split::Lines,
            payload: Payload::Text,
            max_message,
        };
        Self {
            blocks: read(InputSource::Stdin, options),
            is_open: true,
            ends_chat: args.eof || stdin().is_terminal(),
            failure: None,
            wait_notice: WaitNotice::default(),
        }
    }

    /// The messages before the failure are still confirmed.
    fn fail(&mut self, error: InputError) {
        self.stop();
        self.failure = Some(error);
    }

    /// Reads no more, and ends the chat.
    fn stop(&mut self) {
        self.is_open = false;
        self.ends_chat = true;
    }

    /// Stdin has ended.
    fn end(&mut self) {
        self.is_open = false;
        if self.ends_chat {
            self.wait_notice.start();
        }
    }

    fn is_finished(&self, peer: &HubClient) -> bool {
        self.ends_chat && !self.is_open && peer.unconfirmed_messages() == 0
    }
}
