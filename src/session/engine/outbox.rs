//! What a session has asked of the store and the hub and they have not yet taken, in order.
//!
//! While anything waits here the session reads nothing more from its peer: that is the credit towards publishers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::permits::permits;
use crate::hub::inbox::InboxMessage;
use crate::hub::input::CoreInput;
use crate::hub::ticket::Ticket;
use crate::session::handler::EntryHold;
use crate::session::services::Services;
use crate::store::Op;
use crate::store::writer::Urgency;

#[derive(Debug)]
pub enum Submission {
    Store(Op, Urgency, Ticket),
    Hub(InboxMessage),
    /// Everything before it was taken: a program that waits for that goes on.
    Release(EntryHold),
}

type Sending = Pin<Box<dyn Future<Output = Result<(), HubClosed>> + Send>>;

/// The store or the hub has ended, and so will this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubClosed;

pub struct Outbox {
    services: Arc<Services>,
    waiting: VecDeque<Submission>,
    sending: Option<Sending>,
}

impl Outbox {
    pub fn new(services: Arc<Services>) -> Self {
        Self {
            services,
            waiting: VecDeque::new(),
            sending: None,
        }
    }

    pub fn push(&mut self, submission: Submission) {
        self.waiting.push_back(submission);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sending.is_none()
    }

    /// Ready when everything was taken.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HubClosed>> {
        loop {
            if let Some(sending) = &mut self.sending {
                match sending.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(sent) => {
                        self.sending = None;
                        sent?;
                    }
                }
            }
            match self.waiting.pop_front() {
                None => {
                    // An idle session keeps no queue.
                    self.waiting = VecDeque::new();
                    return Poll::Ready(Ok(()));
                }
                Some(Submission::Hub(message)) => self.ask_hub(message)?,
                Some(Submission::Release(hold)) => drop(hold),
                Some(Submission::Store(op, urgency, ticket)) => {
                    self.ask_store(op, urgency, ticket)?
                }
            }
        }
    }

    fn ask_hub(&mut self, message: InboxMessage) -> Result<(), HubClosed> {
        use tokio::sync::mpsc::error::TrySendError;
        let message = match message {
            InboxMessage::Volatile(input @ CoreInput::Volatile { .. }, None) => {
                self.ask_hub_in_turn(input);
                return Ok(());
            }
            message => message,
        };
        match self.services.inbox.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(HubClosed),
            Err(TrySendError::Full(message)) => {
                let inbox = self.services.inbox.clone();
                self.sending = Some(Box::pin(async move {
                    inbox.send(message).await.map_err(|_| HubClosed)
                }));
                Ok(())
            }
        }
    }

    /// A volatile publish waits for its place like any other.
    fn ask_hub_in_turn(&mut self, input: CoreInput) {
        let bytes = match &input {
            CoreInput::Volatile { record, .. } => record.body.len(),
            _ => 0,
        };
        let (queue, inbox) = (
            Arc::clone(&self.services.append_queue),
            self.services.inbox.clone(),
        );
        self.sending = Some(Box::pin(async move {
            let permit = queue.acquire_many_owned(permits(bytes)).await;
            let message = InboxMessage::Volatile(input, Some(permit.map_err(|_| HubClosed)?));
            inbox.send(message).await.map_err(|_| HubClosed)
        }));
    }

    fn ask_store(&mut self, op: Op, urgency: Urgency, mut ticket: Ticket) -> Result<(), HubClosed> {
        let (Op::Append { record, .. } | Op::Delay { record, .. }) = &op else {
            return self
                .services
                .writer
                .send(op, urgency, ticket)
                .map_err(|_| HubClosed);
        };
        let cost = permits(record.body.len());
        let queue = Arc::clone(&self.services.append_queue);
        if let Ok(permit) = Arc::clone(&queue).try_acquire_many_owned(cost) {
            ticket.permit = Some(permit);
            return self
                .services
                .writer
                .send(op, urgency, ticket)
                .map_err(|_| HubClosed);
        }
        let writer = self.services.writer.clone();
        self.sending = Some(Box::pin(async move {
            ticket.permit = Some(
                queue
                    .acquire_many_owned(cost)
                    .await
                    .map_err(|_| HubClosed)?,
            );
            writer.send(op, urgency, ticket).map_err(|_| HubClosed)
        }));
        Ok(())
    }
}
