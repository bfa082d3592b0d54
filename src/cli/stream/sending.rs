//! `pub --stream`: stdin or files as one stream. What is read leaves at once when nothing is on its way; while something is,
//! the next piece fills up.

use tokio::select;
use tokio::time::{Instant, sleep_until};

use super::StreamError;
use super::input::{Input, Read};
use crate::cli::args::{Global, PubArgs};
use crate::cli::failure::Failure;
use crate::cli::outgoing::Template;
use crate::cli::progress::Progress;
use crate::cli::pub_::{connect, destination, missed, progress, retry, source};
use crate::cli::reading::{awaited, tell_link};
use crate::cli::signals::Signals;
use crate::cli::stdin::Block;
use crate::client::peer::random_id;
use crate::client::{Event, Peer};
use crate::limits;
use crate::wire::batch::Framing;
use crate::wire::stream::{End, Filling, Piece};

pub async fn run(args: &PubArgs, global: &Global) -> Result<(), Failure> {
    let (target, template) = destination(args, global)?;
    let mut signals = crate::cli::listen()?;
    let peer = connect(&target, retry(args), &mut signals).await?;
    let most = piece_bytes(peer.hello().limits.message)?;
    let mut sending = Sending {
        template: Template {
            event: Some(crate::address::Event::parse(crate::wire::stream::EVENT).expect("a name")),
            ..template
        },
        peer,
        id: random_id(),
        part: 0,
        bytes: 0,
        piece: Filling::new(most),
        input: Input::open(source(&args.file), most),
        state: State::Reading,
        known: String::new(),
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
    template: Template,
    peer: Peer,
    id: String,
    /// The next one.
    part: u64,
    /// In all parts so far.
    bytes: u64,
    piece: Filling,
    input: Input,
    state: State,
    /// The socket that the parts so far name.
    known: String,
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
            if self.state == State::Told && self.peer.unconfirmed() == 0 {
                return Ok(());
            }
            let reads = self.state == State::Reading && !self.piece.is_full();
            select! {
                event = self.peer.next() => match event {
                    Ok(event) => self.happened(&event),
                    Err(error) => return Err(StreamError::Unsent(Box::new(error.into())).into()),
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
        if !self.peer.has_room() {
            return;
        }
        let alone = self.peer.unconfirmed() == 0;
        let full = self.piece.is_full() || self.state == State::Full;
        // After a reconnect readers are told at once where the rest comes from.
        let moved = self.part > 0 && self.peer.is_connected() && self.known != self.sid();
        match self.state {
            State::AtEnd => {
                let bytes = self.bytes + self.piece.bytes().len() as u64;
                self.send(Some(End { bytes, crc32: None }), None);
                self.state = State::Told;
            }
            State::Reading | State::Full if full || moved || alone && !self.piece.is_empty() => {
                self.send(None, None);
                self.state = State::Reading;
            }
            State::Reading | State::Full | State::Told => {}
        }
    }

    fn sid(&self) -> &str {
        &self.peer.hello().sid
    }

    fn send(&mut self, end: Option<End>, abort: Option<String>) {
        self.known = self.sid().to_owned();
        let piece = Piece {
            id: self.id.clone(),
            part: self.part,
            sid: Some(self.known.clone()),
            end,
            abort,
        };
        self.part += 1;
        self.bytes += self.piece.bytes().len() as u64;
        let block = Block {
            framing: Framing::Args,
            json: false,
            count: 1,
            body: self.piece.take(&piece),
        };
        self.peer.publish(self.template.batch(block));
    }

    fn happened(&mut self, event: &Event) {
        tell_link(event, self.peer.url());
        if let Event::Receipt(receipt) = event {
            self.progress.did(1, receipt.bytes as u64);
            let missed = missed(receipt, self.wanted);
            self.missed = self.missed.take().or(missed);
        }
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
        self.state = State::Told;
        if !self.piece.is_empty() {
            self.send(None, None);
        }
        self.send(None, Some(why));
        let deadline = Instant::now() + limits::FINISH_TIMEOUT;
        while self.peer.unconfirmed() > 0 {
            select! {
                event = self.peer.next() => match event {
                    Ok(Event::Lost { .. }) | Err(_) => return,
                    Ok(_) => {}
                },
                _ = signals.next() => return,
                () = sleep_until(deadline) => return,
            }
        }
    }
}
