//! `request`: one message that asks for answers, and the answers on stdout.

use tokio::select;
use tokio::time::Instant;

use crate::address::RoomName;
use crate::cli::args::request::RequestArgs;
use crate::cli::commands::publish::words::{joined, whole};
use crate::cli::failure::Failure;
use crate::cli::io::batches::BatchTemplate;
use crate::cli::io::stdin::{InputBlock, InputOptions, InputSource, Payload, Split, read};
use crate::cli::io::stdout::{self, OutputFormat, Terminator};
use crate::cli::remote::connect;
use crate::cli::remote::delivery::{End, Flow, Reading, awaited, tell_link};
use crate::cli::remote::target::target;
use crate::cli::screen::progress::{Progress, ProgressKind};
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::connection_state::wait_until;
use crate::client::publish_window::PublishOutcome;
use crate::client::random::random_id;
use crate::client::{ClientEvent, HubClient, PublishReceipt, RetryPolicy, SubscribeRequest};
use crate::limits;
use crate::wire::batch::messages;

pub async fn run(args: &RequestArgs, global: &Global) -> Result<(), Failure> {
    let (mut target, rooms) = target(global, &args.remote, [&args.room])?;
    // Whoever listens under this name goes on listening.
    target.auth = target.auth.as_guest();
    let mut signals = crate::cli::runtime::listen()?;
    let after = args.timeout.unwrap_or(limits::REQUEST_TIMEOUT);
    let deadline = Instant::now() + after;
    let mut peer = select! {
        peer = connect::peer(&target, RetryPolicy::Forever) => peer?,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = wait_until(Some(deadline)) => return Err(Failure::HubSilent(after)),
    };
    let mut asking = Asking {
        args,
        rooms,
        reply: reply_room(),
        asked: Asked::No,
        answers: 0,
    };
    let mut reading = Reading::new(stdout::start(form(args)), &target).at_most(Some(args.replies));
    let end = select! {
        end = asking.follow(&mut peer, &mut reading) => end,
        signal = signals.next() => Ok(End::Signal(signal)),
        () = wait_until(Some(deadline)) => Ok(End::Timeout(after)),
    };
    let finished = match end {
        Ok(end) => reading.finish(peer, &mut signals, end).await,
        Err(failure) => {
            peer.close().await;
            Err(failure)
        }
    };
    finished.map_err(|failure| match failure {
        // An answer may overtake the receipt.
        Failure::Timeout(after) if asking.asked != Asked::Confirmed && asking.answers == 0 => {
            Failure::HubSilent(after)
        }
        Failure::Timeout(after) => Failure::Unanswered {
            wanted: args.replies,
            came: asking.answers,
            after,
        },
        other => other,
    })
}

struct Asking<'a> {
    args: &'a RequestArgs,
    rooms: Vec<RoomName>,
    reply: RoomName,
    asked: Asked,
    answers: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    No,
    /// Nobody can answer before this, and nothing that comes behind it is missed.
    Listening,
    Yes,
    /// The hub has it.
    Confirmed,
}

impl Asking<'_> {
    async fn follow(
        &mut self,
        peer: &mut HubClient,
        reading: &mut Reading,
    ) -> Result<End, Failure> {
        let block = self.message(peer.hub_info().limits.message).await?;
        let template = BatchTemplate {
            rooms: self.rooms.clone(),
            event: self.args.event.clone(),
            reply: Some(self.reply.clone()),
            ..BatchTemplate::default()
        };
        let mut batch = Some(template.batch(block));
        peer.subscribe(SubscribeRequest {
            rooms: vec![self.reply.clone()],
            ..SubscribeRequest::default()
        });
        let mut progress = Progress::new(ProgressKind::Wait);
        loop {
            if self.asked == Asked::Listening
                && let Some(batch) = batch.take()
            {
                self.asked = Asked::Yes;
                peer.publish(batch);
            }
            let flow = select! {
                report = reading.report() => reading.wrote(peer, report)?,
                event = peer.next_event() => self.happened(event?, peer, reading),
                () = progress.due() => {
                    progress.draw(awaited(peer).filter(|_| reading.is_settled()));
                    Flow::More
                }
            };
            if flow == Flow::Enough {
                return Ok(End::Done);
            }
        }
    }

    /// Words, or all of stdin without the newline at its end.
    async fn message(&self, max_message: usize) -> Result<InputBlock, Failure> {
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
            return Ok(joined(&self.args.message, input)?);
        }
        let any = InputOptions {
            payload: Payload::Text,
            max_message: max_message.saturating_add(1),
            ..input
        };
        let mut blocks = read(InputSource::Stdin, any);
        let block = blocks.next().await.transpose()?;
        let message = block.as_ref().and_then(|block| {
            let mut messages = messages(block.framing, &block.body);
            messages.next()
        });
        let message = message.unwrap_or_default();
        Ok(whole(
            message.strip_suffix(b"\n").unwrap_or(message),
            input,
        )?)
    }

    fn happened(
        &mut self,
        event: ClientEvent,
        peer: &mut HubClient,
        reading: &mut Reading,
    ) -> Flow {
        tell_link(&event, peer.url());
        match event {
            ClientEvent::Batch { header, body } => {
                self.answers += u64::from(header.count);
                reading.batch(peer, header, body)
            }
            ClientEvent::CaughtUp if self.asked == Asked::No => {
                self.asked = Asked::Listening;
                Flow::More
            }
            ClientEvent::Receipt(PublishReceipt { outcome, .. }) => {
                self.asked = Asked::Confirmed;
                let nobody = PublishOutcome::Delivered {
                    delivered: 0,
                    queued: 0,
                };
                if outcome == nobody {
                    term::warn(format!(
                        "nobody listens in {:?} now",
                        self.args.room.room.as_str()
                    ));
                }
                Flow::More
            }
            _ => Flow::More,
        }
    }
}

fn form(args: &RequestArgs) -> OutputFormat {
    let ending = match (args.null, args.raw) {
        (true, _) => Terminator::Nul,
        (false, true) => Terminator::Raw,
        (false, false) => Terminator::Newline,
    };
    match &args.format {
        Some(format) => OutputFormat::Template(format.clone().into(), ending),
        None => OutputFormat::Data(ending),
    }
}

/// 128 random bits: nobody guesses the room.
fn reply_room() -> RoomName {
    let name = format!("{}{}", RoomName::REPLY_PREFIX, random_id());
    RoomName::parse(&name).expect("hex digits are a name")
}
