//! `request`: publishes one message with a reply room, and writes the answers to stdout.

use tokio::select;

use crate::address::RoomName;
use crate::cli::args::request::RequestArgs;
use crate::cli::commands::publish::words::{join_words, single_message};
use crate::cli::failure::Failure;
use crate::cli::io::envelope::BatchTemplate;
use crate::cli::io::stdin::{InputBlock, InputOptions, InputSource, Payload, Split, read};
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect::connect_hub;
use crate::cli::remote::connection_notes::{note_event, reconnect_status};
use crate::cli::remote::delivery::{AckingOutput, Flow};
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::publish_window::PublishOutcome;
use crate::client::random::random_id;
use crate::client::{Batch, ClientEvent, HubClient, PublishReceipt, RetryPolicy, SubscribeRequest};
use crate::limits;
use crate::wire::batch::messages;

pub async fn run(args: &RequestArgs, global: &Global) -> Result<(), Failure> {
    let (mut target, rooms) = resolve_target(global, &args.remote, [&args.room])?;
    // Another `sub` may hold the name and must keep it.
    target.auth = target.auth.without_identity();
    let timeout = args.timeout.unwrap_or(limits::REQUEST_TIMEOUT);
    let mut interrupts = Interrupts::listen(Some(timeout))?;
    let connect = connect_hub(&target, RetryPolicy::Forever);
    let mut runner = RequestRunner {
        args,
        rooms,
        reply_room: random_reply_room(),
        phase: RequestPhase::Subscribing,
        answers: 0,
    };
    let result = match interrupts.run(connect).await {
        Ok(mut peer) => {
            let stdout = stdout::start(output_format(args));
            let mut output = AckingOutput::new(stdout, &target).limit(Some(args.replies));
            let answered = interrupts.run(runner.run(&mut peer, &mut output)).await;
            output.finish(peer, &mut interrupts, answered).await
        }
        Err(failure) => Err(failure),
    };
    result.map_err(|failure| match failure {
        Failure::Timeout(after) if runner.has_heard_nothing() => Failure::HubSilent(after),
        Failure::Timeout(after) => Failure::Unanswered {
            wanted: args.replies,
            received: runner.answers,
            after,
        },
        other => other,
    })
}

struct RequestRunner<'a> {
    args: &'a RequestArgs,
    rooms: Vec<RoomName>,
    reply_room: RoomName,
    phase: RequestPhase,
    answers: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestPhase {
    /// Before the hub confirms the subscription, answers could be missed.
    Subscribing,
    Subscribed,
    Published,
    /// The hub has confirmed the message.
    Confirmed,
}

impl RequestRunner<'_> {
    /// Publishes the request once the reply room is subscribed, and writes answers until there are enough.
    async fn run(
        &mut self,
        peer: &mut HubClient,
        output: &mut AckingOutput,
    ) -> Result<(), Failure> {
        let mut request = Some(self.read_request(peer.hub_info().limits.message).await?);
        peer.subscribe(SubscribeRequest {
            rooms: vec![self.reply_room.clone()],
            ..SubscribeRequest::default()
        });
        let mut progress = Progress::new(ProgressKind::Wait);
        loop {
            if self.phase == RequestPhase::Subscribed
                && let Some(request) = request.take()
            {
                self.phase = RequestPhase::Published;
                peer.publish(request);
            }
            let flow = select! {
                report = output.next_report() => output.handle_report(peer, report)?,
                event = peer.next_event() => self.handle_event(event?, peer, output),
                () = progress.due() => {
                    progress.draw(reconnect_status(peer).filter(|_| output.is_flushed()));
                    Flow::Continue
                }
            };
            if flow == Flow::Stop {
                return Ok(());
            }
        }
    }

    async fn read_request(&self, max_message: usize) -> Result<Batch, Failure> {
        let template = BatchTemplate {
            rooms: self.rooms.clone(),
            event: self.args.event.clone(),
            reply: Some(self.reply_room.clone()),
            ..BatchTemplate::default()
        };
        Ok(template.batch(self.read_message(max_message).await?))
    }

    /// The words, or all of stdin without its last newline.
    async fn read_message(&self, max_message: usize) -> Result<InputBlock, Failure> {
        let input = InputOptions {
            split: Split::Whole,
            payload: if self.args.json {
                Payload::Json
            } else {
                Payload::Text
            },
            max_message,
        };
        if !self.args.message.is_empty() {
            return Ok(join_words(&self.args.message, input)?);
        }
        // The newline does not count towards the limit. JSON is checked without it.
        let stdin = InputOptions {
            payload: Payload::Text,
            max_message: max_message.saturating_add(1),
            ..input
        };
        let mut blocks = read(InputSource::Stdin, stdin);
        let block = blocks.next().await.transpose()?;
        let message = block.as_ref().and_then(|block| {
            let mut messages = messages(block.framing, &block.body);
            messages.next()
        });
        let message = message.unwrap_or_default();
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        Ok(single_message(message, input)?)
    }

    fn handle_event(
        &mut self,
        event: ClientEvent,
        peer: &mut HubClient,
        output: &mut AckingOutput,
    ) -> Flow {
        note_event(&event, peer.url());
        match event {
            ClientEvent::Batch { header, body } => {
                self.answers += u64::from(header.count);
                return output.write_batch(peer, header, body);
            }
            ClientEvent::CaughtUp if self.phase == RequestPhase::Subscribing => {
                self.phase = RequestPhase::Subscribed;
            }
            ClientEvent::Receipt(PublishReceipt { outcome, .. }) => {
                self.phase = RequestPhase::Confirmed;
                let nobody = PublishOutcome::Delivered {
                    delivered: 0,
                    queued: 0,
                };
                if outcome == nobody {
                    let room = self.args.room.room.as_str();
                    term::warn(format!("nobody is listening in {room:?} now"));
                }
            }
            _ => {}
        }
        Flow::Continue
    }

    /// Neither a receipt nor an answer came; an answer may come before the receipt.
    fn has_heard_nothing(&self) -> bool {
        self.phase != RequestPhase::Confirmed && self.answers == 0
    }
}

fn output_format(args: &RequestArgs) -> OutputFormat {
    let terminator = match (args.null, args.raw) {
        (true, _) => Terminator::Nul,
        (false, true) => Terminator::Raw,
        (false, false) => Terminator::Newline,
    };
    match &args.format {
        Some(format) => OutputFormat::Template(format.clone().into(), terminator),
        None => OutputFormat::Data(terminator),
    }
}

/// A room with 128 random bits in its name, so that nobody can guess it.
fn random_reply_room() -> RoomName {
    let name = format!("{}{}", RoomName::REPLY_PREFIX, random_id());
    RoomName::parse(&name).expect("hex digits are a name")
}
