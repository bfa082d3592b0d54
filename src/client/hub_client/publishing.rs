//! Publishing: batches go through the credit window, and a refused batch is sent again after a pause.

use tokio::time::Instant;

use super::{ClientEvent, HubClient, Outage, OutageCause};
use crate::client::connection_state::ConnectionState;
use crate::client::error::ClientError;
use crate::client::publish_window::{Batch, WindowEvent};
use crate::client::verbs::VerbResult;

impl HubClient {
    /// Whether [`Self::publish`] may be called.
    pub fn can_publish(&self) -> bool {
        self.window.has_capacity()
    }

    /// The number of messages that were published and are not confirmed.
    pub fn unconfirmed_messages(&self) -> u64 {
        self.window.unconfirmed_messages()
    }

    pub fn publish(&mut self, batch: Batch) {
        self.window.push(batch);
        self.send_batches();
    }

    pub(super) fn resume_publishing(&mut self) {
        self.paused_until = None;
        self.window.resume();
        self.send_batches();
    }

    /// Sends the batches that the window allows.
    pub(super) fn send_batches(&mut self) {
        let ConnectionState::Up(connection) = &mut self.connection else {
            return;
        };
        while let Some(batch) = self.window.next_to_send(self.requests.upcoming_id()) {
            let id = self.requests.next_id();
            connection.emit_batch(id, &batch.header, batch.body.clone());
        }
    }

    pub(super) fn handle_publish_response(
        &mut self,
        id: u64,
        answer: VerbResult,
    ) -> Result<(), ClientError> {
        match self.window.handle_response(id, answer) {
            WindowEvent::None => {}
            WindowEvent::Confirmed(receipt) => {
                self.outage = None;
                self.publish_backoff.reset();
                self.events.push_back(ClientEvent::Receipt(receipt));
                self.send_batches();
            }
            WindowEvent::Stalled(error) => {
                let was_stalled = matches!(
                    self.outage,
                    Some(Outage {
                        cause: OutageCause::Refused(_),
                        ..
                    })
                );
                self.set_outage(OutageCause::Refused(error.clone()));
                self.paused_until = Some(Instant::now() + self.publish_backoff.next_wait());
                if !was_stalled {
                    self.events.push_back(ClientEvent::PublishStalled(error));
                }
            }
            WindowEvent::Refused(error) => return Err(ClientError::Refused(error)),
            WindowEvent::ProtocolError(reason) => return Err(ClientError::Protocol(reason)),
        }
        Ok(())
    }
}
