//! `on`: writes the events of any Socket.IO server to stdout.

use std::collections::VecDeque;
use std::future::pending;

use tokio::select;

use crate::address::Namespace;
use crate::cli::args::on::OnArgs;
use crate::cli::failure::Failure;
use crate::cli::io::stdout::{self, Output, OutputBatch, OutputFormat, Terminator, WriteReport};
use crate::cli::remote::connect::await_connection;
use crate::cli::remote::interrupts::Interrupts;
use crate::cli::remote::target::resolve_target;
use crate::cli::screen::term;
use crate::cli::settings::Global;
use crate::client::plain_client::{AckHandle, PlainClient, PlainEvent};
use crate::client::plain_connection::{Continuity, EventArgs, LastArgument, ReceivedEvent};
use crate::client::{HubUrl, RetryPolicy};
use crate::limits;

pub async fn run(args: &OnArgs, global: &Global) -> Result<(), Failure> {
    let (target, _) = resolve_target(global, &args.remote, [])?;
    let mut interrupts = Interrupts::listen(args.timeout)?;
    let retry = if args.no_reconnect {
        RetryPolicy::Never
    } else {
        RetryPolicy::Forever
    };
    let (namespace, url) = (target.namespace.clone(), target.url.clone());
    let connect = await_connection(&url, PlainClient::connect(target, retry));
    let mut listener = interrupts.run(connect).await?;
    let mut output = EventOutput::new(args, namespace);
    let ended = interrupts
        .run(receive(&mut listener, &mut output, args))
        .await;
    // Received events are written in any case. A slow reader of stdout has no time limit unless something else ended this.
    interrupts.set_timeout(ended.is_err().then_some(limits::FINISH_TIMEOUT));
    let written = interrupts.run(output.finish(&mut listener)).await;
    if let Err(Failure::Signal(signal)) = written {
        return Err(Failure::Signal(signal));
    }
    listener.close().await;
    ended.and(written)
}

async fn receive(
    listener: &mut PlainClient,
    output: &mut EventOutput,
    args: &OnArgs,
) -> Result<(), Failure> {
    while !output.has_enough() {
        select! {
            report = output.next_report() => output.handle_report(listener, report)?,
            event = listener.next_event(), if output.has_room() => {
                let event = event?;
                note_event(&event, listener.url());
                if let PlainEvent::Event(event, ack) = event
                    && (args.events.is_empty() || args.events.contains(&event.event))
                {
                    output.write(event, ack);
                }
            }
        }
    }
    Ok(())
}

/// Reports an event of the connection on stderr.
fn note_event(event: &PlainEvent, url: &HubUrl) {
    match event {
        PlainEvent::Event(..) => {}
        PlainEvent::Unreadable(error) => term::warn(format!("skipped an event: {error}")),
        PlainEvent::Disconnected { reason } => {
            term::note(format!("lost {url}: {reason}; reconnecting"))
        }
        PlainEvent::Reconnected(Continuity::Recovered) => {
            term::note(format!("back at {url}; no events were missed"));
        }
        PlainEvent::Reconnected(Continuity::New) => {
            term::note(format!("back at {url}; events sent meanwhile are lost"));
        }
    }
}

/// Writes events to stdout and acknowledges each once it is written.
struct EventOutput {
    output: Output,
    namespace: Namespace,
    format: OutputFormat,
    ack: bool,
    remaining: Option<u64>,
    /// Events given to the writer thread, and how many of them it has written.
    queued: u64,
    written: u64,
    unwritten_bytes: u64,
    /// Each with the number of its event.
    pending_acks: VecDeque<(u64, AckHandle)>,
    closed: bool,
}

impl EventOutput {
    fn new(args: &OnArgs, namespace: Namespace) -> Self {
        let format = if args.data {
            OutputFormat::Data(Terminator::Newline)
        } else {
            OutputFormat::Event
        };
        Self {
            output: stdout::start(format.clone()),
            namespace,
            format,
            ack: args.ack,
            remaining: args.count,
            queued: 0,
            written: 0,
            unwritten_bytes: 0,
            pending_acks: VecDeque::new(),
            closed: false,
        }
    }

    fn has_enough(&self) -> bool {
        self.closed || self.remaining == Some(0)
    }

    /// Bounds the memory of unwritten events. While stdout is stuck nothing is read, so pings go unanswered and the server
    /// disconnects in the end.
    fn has_room(&self) -> bool {
        let events = (self.queued - self.written).saturating_mul(limits::ENTRY_BYTES as u64);
        self.unwritten_bytes.saturating_add(events) < limits::UNWRITTEN_BYTES as u64
    }

    fn write(&mut self, event: ReceivedEvent, ack: Option<AckHandle>) {
        let mut args = event.args;
        if event.last_argument == LastArgument::Offset
            && matches!(self.format, OutputFormat::Data(_))
        {
            args = without_offset(args);
        }
        let batch = OutputBatch::event(event.event, &args, self.namespace.clone());
        self.queued += 1;
        self.unwritten_bytes += batch.body.len() as u64;
        self.remaining = self.remaining.map(|remaining| remaining - 1);
        if let Some(ack) = ack.filter(|_| self.ack) {
            self.pending_acks.push_back((self.queued, ack));
        }
        self.output.write(batch);
    }

    /// The writer thread's next report, for [`Self::handle_report`]. Cancel-safe.
    async fn next_report(&mut self) -> Option<WriteReport> {
        if self.closed {
            pending().await
        } else {
            self.output.reports.recv().await
        }
    }

    /// Acknowledges the events that are written.
    fn handle_report(
        &mut self,
        listener: &mut PlainClient,
        report: Option<WriteReport>,
    ) -> Result<(), Failure> {
        match report {
            Some(WriteReport::Upto {
                messages, bytes, ..
            }) => {
                self.written += messages;
                self.unwritten_bytes = self.unwritten_bytes.saturating_sub(bytes);
            }
            Some(WriteReport::Closed { messages, .. }) => {
                self.written += messages;
                self.closed = true;
            }
            Some(WriteReport::Failed(error)) => return Err(Failure::Output(error)),
            None => self.closed = true,
        }
        let written = self.written;
        while let Some((_, ack)) = self
            .pending_acks
            .pop_front_if(|(number, _)| *number <= written)
        {
            listener.ack(ack);
        }
        Ok(())
    }

    async fn finish(&mut self, listener: &mut PlainClient) -> Result<(), Failure> {
        while !self.closed && self.written < self.queued {
            let report = self.next_report().await;
            self.handle_report(listener, report)?;
        }
        Ok(())
    }
}

/// Removes the last argument. A single argument stays: it may be data of a server without connection state recovery.
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
