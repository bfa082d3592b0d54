//! `on`: the events of any Socket.IO server, on stdout.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::select;
use tokio::time::Instant;

use crate::address::Namespace;
use crate::cli::args::on::OnArgs;
use crate::cli::failure::Failure;
use crate::cli::io::signals::Signal;
use crate::cli::io::stdout::{self, Output, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::connect;
use crate::cli::remote::target::target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::connection_state::wait_until;
use crate::client::plain_client::{AckHandle, PlainClient, PlainEvent};
use crate::client::plain_connection::{Continuity, EventArgs, LastArgument, ReceivedEvent};
use crate::client::{HubUrl, RetryPolicy};
use crate::limits;

pub async fn run(args: &OnArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = target(global, &args.remote, [])?;
    let mut signals = crate::cli::runtime::listen()?;
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let timeout = || args.timeout.unwrap_or_default();
    let retry = if args.no_reconnect {
        RetryPolicy::Never
    } else {
        RetryPolicy::Forever
    };
    let (namespace, url) = (target.namespace.clone(), target.url.clone());
    let mut listener = select! {
        listener = connect::connecting(&url, PlainClient::connect(target, retry)) => listener?,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = wait_until(deadline) => return Err(Failure::Timeout(timeout())),
    };
    let mut printing = Printing::new(args, namespace);
    let end = select! {
        end = follow(&mut listener, &mut printing, args) => end.map(|()| End::Done),
        signal = signals.next() => Ok(End::Signal(signal)),
        () = wait_until(deadline) => Ok(End::Timeout(timeout())),
    };
    let bound = match end {
        Ok(End::Done) => None,
        // What was received is printed, whatever ends this; a reader of stdout may take its time, but not then.
        _ => Some(Instant::now() + limits::FINISH_TIMEOUT),
    };
    let written = select! {
        written = printing.finish(&mut listener) => written,
        signal = signals.next() => return Err(Failure::Signal(signal)),
        () = wait_until(bound) => Ok(()),
    };
    listener.close().await;
    match end? {
        End::Done => written,
        End::Timeout(after) => Err(Failure::Timeout(after)),
        End::Signal(signal) => Err(Failure::Signal(signal)),
    }
}

enum End {
    Done,
    Timeout(Duration),
    Signal(Signal),
}

async fn follow(
    listener: &mut PlainClient,
    printing: &mut Printing,
    args: &OnArgs,
) -> Result<(), Failure> {
    while !printing.is_enough() {
        select! {
            report = printing.report() => printing.wrote(listener, report)?,
            heard = listener.next_event(), if printing.has_room() => {
                let heard = heard?;
                tell(&heard, listener.url());
                if let PlainEvent::Event(event, owed) = heard
                    && (args.events.is_empty() || args.events.contains(&event.event))
                {
                    printing.print(event, owed);
                }
            }
        }
    }
    Ok(())
}

/// Says on stderr what becomes of the connection.
fn tell(heard: &PlainEvent, url: &HubUrl) {
    match heard {
        PlainEvent::Event(..) => {}
        PlainEvent::Unreadable(error) => term::warn(format!("an event was passed over: {error}")),
        PlainEvent::Disconnected { reason } => {
            term::note(format!("lost {url}: {reason}; reconnecting"))
        }
        PlainEvent::Reconnected(Continuity::Recovered) => {
            term::note(format!("back at {url}; what was sent meanwhile came along"));
        }
        PlainEvent::Reconnected(Continuity::New) => {
            term::note(format!(
                "back at {url}; what was sent meanwhile did not come"
            ));
        }
    }
}

/// Events on their way to stdout, and the acknowledgements they are owed once they were written.
struct Printing {
    output: Output,
    namespace: Namespace,
    form: OutputFormat,
    ack: bool,
    remaining: Option<u64>,
    /// Events given to the writing thread, and of those the written.
    handed: u64,
    written: u64,
    /// Bytes given to the writing thread and not yet written.
    waiting: u64,
    /// With the number of the event.
    owed: VecDeque<(u64, AckHandle)>,
    closed: bool,
}

impl Printing {
    fn new(args: &OnArgs, namespace: Namespace) -> Self {
        let form = if args.data {
            OutputFormat::Data(Terminator::Newline)
        } else {
            OutputFormat::Event
        };
        Self {
            output: stdout::start(form.clone()),
            namespace,
            form,
            ack: args.ack,
            remaining: args.count,
            handed: 0,
            written: 0,
            waiting: 0,
            owed: VecDeque::new(),
            closed: false,
        }
    }

    fn is_enough(&self) -> bool {
        self.closed || self.remaining == Some(0)
    }

    /// With stdout stuck the server's pings go unanswered in the end, and it hangs up: the memory of this process is not
    /// its to fill.
    fn has_room(&self) -> bool {
        let events = (self.handed - self.written).saturating_mul(limits::ENTRY_BYTES as u64);
        self.waiting.saturating_add(events) < limits::UNWRITTEN_BYTES as u64
    }

    fn print(&mut self, event: ReceivedEvent, owed: Option<AckHandle>) {
        let mut args = event.args;
        if event.last_argument == LastArgument::Offset && matches!(self.form, OutputFormat::Data(_))
        {
            args = without_offset(args);
        }
        let chunk = OutputBatch::event(event.event, &args, self.namespace.clone());
        self.handed += 1;
        self.waiting += chunk.body.len() as u64;
        self.remaining = self.remaining.map(|remaining| remaining - 1);
        if let Some(owed) = owed.filter(|_| self.ack) {
            self.owed.push_back((self.handed, owed));
        }
        self.output.write(chunk);
    }

    /// What the writing thread did next. Cancel-safe.
    async fn report(&mut self) -> Option<WriteReport> {
        if self.closed {
            pending().await
        } else {
            self.output.reports.recv().await
        }
    }

    fn wrote(
        &mut self,
        listener: &mut PlainClient,
        wrote: Option<WriteReport>,
    ) -> Result<(), Failure> {
        match wrote {
            Some(WriteReport::Upto {
                messages, bytes, ..
            }) => {
                self.written += messages;
                self.waiting = self.waiting.saturating_sub(bytes);
            }
            Some(WriteReport::Closed { messages, .. }) => {
                self.written += messages;
                self.closed = true;
            }
            Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
            None => self.closed = true,
        }
        while let Some((_, owed)) = self
            .owed
            .pop_front_if(|(number, _)| *number <= self.written)
        {
            listener.ack(owed);
        }
        Ok(())
    }

    async fn finish(&mut self, listener: &mut PlainClient) -> Result<(), Failure> {
        while !self.closed && self.written < self.handed {
            let report = self.report().await;
            self.wrote(listener, report)?;
        }
        Ok(())
    }
}

/// An offset that stands alone may as well be the one text of an event that the server does not recover.
fn without_offset(args: EventArgs) -> EventArgs {
    let json = format!("[{}]", args.json);
    match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(&json) {
        Ok(all) if all.len() > 1 => EventArgs {
            json: crate::wire::socket::join_args(&all[..all.len() - 1]),
            attachments: args.attachments,
        },
        _ => args,
    }
}
