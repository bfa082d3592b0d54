//! The requests of a session that the store and the hub have not taken yet, in order.
//!
//! While a request waits here, the session reads nothing more from its client. This is the flow control for publishers.

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
    /// Lets a waiting program continue, once everything before this is taken.
    Release(EntryHold),
}

type SendFuture = Pin<Box<dyn Future<Output = Result<(), HubClosed>> + Send>>;

/// The store or the hub has ended, so the session must too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubClosed;

pub struct Outbox {
    services: Arc<Services>,
    waiting: VecDeque<Submission>,
    sending: Option<SendFuture>,
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

    /// Ready when everything is taken.
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
                    // Frees the memory: most sessions are idle.
                    self.waiting = VecDeque::new();
                    return Poll::Ready(Ok(()));
                }
                Some(Submission::Hub(message)) => self.send_to_hub(message)?,
                Some(Submission::Release(hold)) => drop(hold),
                Some(Submission::Store(op, urgency, ticket)) => {
                    self.send_to_store(op, urgency, ticket)?
                }
            }
        }
    }

    fn send_to_hub(&mut self, message: InboxMessage) -> Result<(), HubClosed> {
        use tokio::sync::mpsc::error::TrySendError;
        let message = match message {
            InboxMessage::Volatile(input @ CoreInput::Volatile { .. }, None) => {
                self.send_volatile(input);
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

    /// A volatile message waits for its share of the append queue like any other.
    fn send_volatile(&mut self, input: CoreInput) {
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

    fn send_to_store(
        &mut self,
        op: Op,
        urgency: Urgency,
        mut ticket: Ticket,
    ) -> Result<(), HubClosed> {
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
