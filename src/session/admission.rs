//! Entering a namespace: who asks, whether they may, and what the hub is told of the socket that comes of it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::credit::{Answers, Credit, Window};
use super::outbox::Submission;
use super::policy::Right;
use super::services::{self};
use super::socket::{Dialect, Entry, Socket};
use super::standing::Standing;
use super::{End, Session};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::mailbox::Mailbox;
use crate::hub::parcel::Frame;
use crate::hub::request::{Input, Membership, Request, Stretch, Want};
use crate::hub::{Handle, Message, Ticket};
use crate::limits;
use crate::store::Op;
use crate::wire::socket;

/// CONNECT's auth object; everything in it is optional.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    #[serde(rename = "as")]
    name: Option<ClientName>,
    token: Option<String>,
    roomcat: Option<u32>,
    ack: Option<bool>,
}

impl Session {
    pub(super) fn connect(
        &mut self,
        namespace: Namespace,
        text: Option<&RawValue>,
    ) -> Result<(), End> {
        if self.find(&namespace).is_some() {
            return Err(End::Forbidden("a second CONNECT to a namespace"));
        }
        let Some(rules) = self.services.settings.namespaces.rules(&namespace).cloned() else {
            // The reference's words: clients tell it from a denial by them.
            self.connect_error(&namespace, &json!({"message": "Invalid namespace"}));
            return Ok(());
        };
        let auth = text.map(|text| serde_json::from_str::<Auth>(text.get()));
        let mut auth = match auth.transpose() {
            Ok(auth) => auth.unwrap_or_default(),
            Err(error) => {
                self.deny(&namespace, "bad_request", &format!("auth: {error}"));
                return Ok(());
            }
        };
        if self.sockets.len() >= limits::NAMESPACES_PER_CONNECTION {
            self.deny(
                &namespace,
                "bad_request",
                "too many namespaces on one connection",
            );
            return Ok(());
        }
        let hub_token = self.services.settings.token.as_ref();
        let allowed = rules
            .pass(hub_token, auth.token.as_deref())
            .and_then(|pass| Ok((pass.name(auth.name.take())?, pass.may)));
        match allowed {
            Ok((name, may)) => {
                auth.name = name;
                self.heart.connected();
                let standing = Standing::new(rules, may, Instant::now());
                self.admit(namespace, auth, text, standing);
            }
            Err(denied) => {
                tracing::info!("refused a connection to {namespace}: {denied}");
                self.deny(&namespace, denied.code(), &denied.to_string());
            }
        }
        Ok(())
    }

    fn deny(&mut self, namespace: &Namespace, code: &str, message: &str) {
        self.connect_error(
            namespace,
            &json!({"message": message, "data": {"code": code}}),
        );
    }

    fn connect_error(&mut self, namespace: &Namespace, data: &Value) {
        let text = socket::encode_connect_error(namespace, &data.to_string());
        self.out.push_back(Frame::text(text));
    }

    /// Registers the socket with the hub, in the order of everything else; stock sockets are in the empty room at once.
    fn admit(
        &mut self,
        namespace: Namespace,
        auth: Auth,
        text: Option<&RawValue>,
        standing: Standing,
    ) {
        let dialect = if auth.roomcat == Some(1) {
            Dialect::Roomcat
        } else {
            Dialect::Stock
        };
        let credit = match (dialect, auth.ack) {
            (Dialect::Roomcat, _) => Credit::Acks(Window::default()),
            (Dialect::Stock, Some(true)) => Credit::Events(Answers::default()),
            (Dialect::Stock, _) => Credit::Written(None),
        };
        let id = self.services.next_socket();
        let sid: Arc<str> = services::random_id().into();
        let name = auth.name;
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.waker)));
        let handle = Handle {
            mailbox: Arc::clone(&mailbox),
            notices: Arc::clone(&self.notices),
        };
        let input = Input::Connect {
            socket: id,
            namespace: namespace.clone(),
            sid: Arc::clone(&sid),
            name: name.clone(),
        };
        self.in_flight += 1;
        self.outbox
            .push(Submission::Hub(Message::Connect(id, handle, input)));
        if dialect == Dialect::Stock && standing.may.allow(Right::Sub) {
            let mut rooms = vec![RoomName::whole_namespace()];
            if let Some(client) = name.clone() {
                // It takes every room it has joined, the empty one among them from its first time on.
                let op = Op::Join {
                    namespace: namespace.clone(),
                    client,
                    rooms: rooms.clone(),
                };
                let want = Want::Join(std::mem::take(&mut rooms), Membership::DurableOnly);
                self.ask(
                    op,
                    Ticket::new(Request {
                        socket: id,
                        answer: None,
                        want,
                    }),
                );
            }
            let op = Op::Subscribe {
                namespace: namespace.clone(),
                client: name.clone(),
                rooms,
            };
            let want = Want::Subscribe(Stretch::default());
            self.ask(
                op,
                Ticket::new(Request {
                    socket: id,
                    answer: None,
                    want,
                }),
            );
        }
        self.sockets.push(Socket::new(Entry {
            id,
            namespace,
            sid,
            name,
            dialect,
            credit,
            mailbox,
            standing,
        }));
        self.greet(self.sockets.len() - 1, text);
    }
}
