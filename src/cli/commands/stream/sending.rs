//! `pub --stream`: stdin or files as one stream. What is read leaves at once when nothing is on its way; while something is,
//! the next piece fills up.

use tokio::select;
use tokio::time::{Instant, sleep_until};

use super::input::{InputOptions, Read};
use crate::cli::args::publish::PubArgs;
use crate::cli::commands::publish::setup::{destination, missed, progress, retry, source};
use crate::cli::failure::Failure;
use crate::cli::failure::stream::StreamError;
use crate::cli::io::batches::BatchTemplate;
use crate::cli::io::signals::Signals;
use crate::cli::io::stdin::InputBlock;
use crate::cli::remote::connect::peer_or_signal;
use crate::cli::remote::delivery::{awaited, tell_link};
use crate::cli::screen::progress::Progress;
use crate::cli::settings::Global;
use crate::client::random::random_id;
use crate::client::{ClientEvent, HubClient};
use crate::limits;
use crate::wire::batch::Framing;
use crate::wire::stream::{Crc32, EVENT, PartBuffer, StreamEnd, StreamPart};

pub async fn run(args: &PubArgs, global: &Global) -> Result<(), Failure> {
    let (target, template) = destination(args, global)?;
    let mut signals = crate::cli::runtime::listen()?;
    let peer = peer_or_signal(&target, retry(args), &mut signals).await?;
    let most = piece_bytes(peer.hub_info().limits.message)?;
    let mut sending = Sending {
        template: BatchTemplate {
            event: Some(crate::address::EventName::parse(EVENT).expect("it is a name")),
            ..template
        },
        peer,
        id: random_id(),
        part: 0,
        bytes: 0,
        crc: Crc32::new(),
        piece: PartBuffer::new(most),
        input: InputOptions::open(source(&args.file), most),
        state: State::Reading,
        known: String::new(),
        log: None,
        wanted: args.require,
        missed: None,
        progress: progress(args),
    };
    let sent = sending.run(&mut signals).await;
    sending.progress.clear();
    let done = match sent {
        Ok(()) => sending.missed.take().map_or(Ok(()), Err),
        Err(failure) => {
            sending.abort(&failure, &mut signals).await;
            Err(failure)
        }
    };
    sending.peer.close().await;
    done
}

/// What fits a piece, so that the piece fits a message.
fn piece_bytes(message: usize) -> Result<usize, StreamError> {
    let least = limits::STREAM_HEAD_BYTES;
    match message.checked_sub(least) {
        None | Some(0) => Err(StreamError::NoRoom {
            limit: message,
            least,
        }),
        Some(bytes) => Ok(bytes.min(limits::BATCH_BYTES)),
    }
}

struct Sending {
    template: BatchTemplate,
    peer: HubClient,
    id: String,
    /// The next one.
    part: u64,
    /// In all parts so far.
    bytes: u64,
    crc: Crc32,
    piece: PartBuffer,
    input: InputOptions,
    state: State,
    /// The socket that the parts so far name.
    known: String,
    /// The log that has the first part, once one is confirmed: what is not comes to another log by itself.
    log: Option<String>,
    wanted: Option<u64>,
    missed: Option<Failure>,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// What was read fills a piece, and there is more.
    Full,
    /// The end was read, and has to be told.
    AtEnd,
    /// The end, or why there is none, is on its way.
    Told,
}

impl Sending {
    async fn run(&mut self, signals: &mut Signals) -> Result<(), Failure> {
        loop {
            self.publish();
            if self.state == State::Told && self.peer.unconfirmed_messages() == 0 {
                return Ok(());
            }
            let reads = self.state == State::Reading && !self.piece.is_full();
            select! {
                event = self.peer.next_event() => match event {
                    Ok(event) => self.happened(&event)?,
                    Err(error) => return Err(Failure::Unsent(Box::new(error.into()))),
                },
                read = self.input.read(&mut self.piece), if reads => match read? {
                    Read::More => {}
                    Read::Full => self.state = State::Full,
                    Read::End => self.state = State::AtEnd,
                },
                signal = signals.next() => return Err(Failure::Signal(signal)),
                () = self.progress.due() => self.progress.draw(awaited(&self.peer)),
            }
        }
    }

    /// Sends what is to be sent now.
    fn publish(&mut self) {
        if !self.peer.can_publish() {
            return;
        }
        let alone = self.peer.unconfirmed_messages() == 0;
        let full = self.piece.is_full() || self.state == State::Full;
        // After a reconnect readers are told at once where the rest comes from.
        let moved = self.part > 0 && self.peer.is_connected() && self.known != self.sid();
        match self.state {
            State::AtEnd => {
                self.state = State::Told;
                self.send(None);
            }
            State::Reading | State::Full if full || moved || alone && !self.piece.is_empty() => {
                self.state = State::Reading;
                self.send(None);
            }
            State::Reading | State::Full | State::Told => {}
        }
    }

    fn sid(&self) -> &str {
        &self.peer.hub_info().sid
    }

    /// Sends what was read as the next piece, with the end, or why there is none, when that is to be told.
    fn send(&mut self, abort: Option<String>) {
        self.known = self.sid().to_owned();
        self.bytes += self.piece.bytes().len() as u64;
        self.crc.update(self.piece.bytes());
        let whole = self.state == State::Told && abort.is_none();
        let piece = StreamPart {
            id: self.id.clone(),
            part: self.part,
            sid: Some(self.known.clone()),
            end: whole.then_some(StreamEnd {
                bytes: self.bytes,
                crc32: Some(self.crc.clone().finalize()),
            }),
            abort,
        };
        self.part += 1;
        let block = InputBlock {
            framing: Framing::Args,
            json: false,
            count: 1,
            body: self.piece.take(&piece),
        };
        self.peer.publish(self.template.batch(block));
    }

    fn happened(&mut self, event: &ClientEvent) -> Result<(), StreamError> {
        tell_link(event, self.peer.url());
        let log = &self.peer.hub_info().log;
        match event {
            ClientEvent::Receipt(receipt) => {
                self.log.get_or_insert_with(|| log.clone());
                self.progress.add(1, receipt.bytes as u64);
                let missed = missed(receipt, self.wanted);
                self.missed = self.missed.take().or(missed);
            }
            // Whoever reads that one never gets the beginning.
            ClientEvent::Reconnected { .. }
                if self.log.as_ref().is_some_and(|first| first != log) =>
            {
                return Err(StreamError::OtherLog);
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells readers that there will be no more of it, as far as that can be told.
    async fn abort(&mut self, failure: &Failure, signals: &mut Signals) {
        if self.part == 0 || !self.peer.is_connected() || self.state == State::Told {
            return;
        }
        let why = match failure {
            Failure::Signal(_) => "it was interrupted".to_owned(),
            failure => failure.to_string(),
        };
        if !self.piece.is_empty() {
            self.send(None);
        }
        self.state = State::Told;
        self.send(Some(why));
        let deadline = Instant::now() + limits::FINISH_TIMEOUT;
        while self.peer.unconfirmed_messages() > 0 {
            select! {
                event = self.peer.next_event() => match event {
                    Ok(ClientEvent::Disconnected { .. }) | Err(_) => return,
                    Ok(_) => {}
                },
                _ = signals.next() => return,
                () = sleep_until(deadline) => return,
            }
        }
    }
}
