//! `chat`: both ways at once, as `nc` does. Stdin to the room, the room to stdout, but for one's own lines. At a terminal
//! with an editor, names and commands; here, in a pipe, bare lines.

mod editor;
mod look;
mod patience;
mod screen;
mod suspension;
mod terminal;
mod typed;

use std::io::{IsTerminal, stdin, stdout as standard_output};

use tokio::select;

use crate::cli::args::chat::ChatArgs;
use crate::cli::failure::Failure;
use crate::cli::io::batches::BatchTemplate;
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
use patience::Patience;

pub async fn run(args: &ChatArgs, global: &Global) -> Result<(), Failure> {
    match stdin().is_terminal() && standard_output().is_terminal() {
        true if term::is_capable() => terminal::run(args, global).await,
        // Nothing to edit with; who said what is to be seen all the same.
        true => plain(args, global, OutputFormat::Chat).await,
        false => plain(args, global, OutputFormat::Data(Terminator::Newline)).await,
    }
}

async fn plain(args: &ChatArgs, global: &Global, form: OutputFormat) -> Result<(), Failure> {
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
    let mut talking = Talking::new(peer.hub_info().limits.message, args);
    let mut output = AckingOutput::new(stdout::start(form), &target);
    let talk = talk(&mut peer, &mut output, &mut talking, &template);
    let ended = interrupts.run(talk).await;
    let unconfirmed = peer.unconfirmed_messages();
    let finished = output.finish(peer, &mut interrupts, ended).await;
    match (finished, talking.failure) {
        (Err(failure), _) => {
            let failure = failure.with_name(global.name.as_ref());
            Err(Failure::unconfirmed(failure, unconfirmed))
        }
        (Ok(()), Some(error)) => Err(error.into()),
        (Ok(()), None) => Ok(()),
    }
}

async fn talk(
    peer: &mut HubClient,
    output: &mut AckingOutput,
    talking: &mut Talking,
    template: &BatchTemplate,
) -> Result<(), Failure> {
    while !talking.is_over(peer) {
        select! {
            report = output.next_report() => {
                // Nobody reads any more: what was typed is still confirmed.
                if output.handle_report(peer, report)? == Flow::Stop {
                    talking.stop();
                }
            }
            event = peer.next_event() => {
                let event = event?;
                note_event(&event, peer.url());
                if let ClientEvent::Batch { header, body } = event {
                    output.write_batch(peer, header, body);
                }
            }
            block = talking.blocks.next(), if talking.open && peer.can_publish() => match block {
                Some(Ok(block)) => peer.publish(template.batch(block)),
                Some(Err(error)) => talking.failed(error),
                None => talking.ended(),
            },
            () = talking.patience.is_over() => talking.patience.tell("what was typed"),
        }
    }
    Ok(())
}

/// The half that reads stdin.
struct Talking {
    blocks: Blocks,
    open: bool,
    ends_with_input: bool,
    failure: Option<InputError>,
    patience: Patience,
}

impl Talking {
    fn new(max_message: usize, args: &ChatArgs) -> Self {
        let input = InputOptions {
            split: Split::Lines,
            payload: Payload::Text,
            max_message,
        };
        Self {
            blocks: read(InputSource::Stdin, input),
            open: true,
            ends_with_input: args.eof || stdin().is_terminal(),
            failure: None,
            patience: Patience::default(),
        }
    }

    /// What stands before the failure is still confirmed.
    fn failed(&mut self, error: InputError) {
        self.stop();
        self.failure = Some(error);
    }

    fn stop(&mut self) {
        self.open = false;
        self.ends_with_input = true;
    }

    fn ended(&mut self) {
        self.open = false;
        if self.ends_with_input {
            self.patience.begin();
        }
    }

    fn is_over(&self, peer: &HubClient) -> bool {
        self.ends_with_input && !self.open && peer.unconfirmed_messages() == 0
    }
}
