//! A client against a scripted hub, over a real socket.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::address::{ClientName, EventName, Namespace, Seq};
use crate::client::dial_options::{AuthFields, DialOptions};
use crate::client::publish_window::Batch;
use crate::client::publish_window::PublishOutcome;
use crate::client::verbs::sub::{DeliveryMode, ShareSettings, StartPosition, SubscribeRequest};
use crate::wire::batch::{Framing, PublishHeader};
use crate::wire::error_code::ErrorCode;

struct Hub {
    listener: TcpListener,
    log: &'static str,
    pings: &'static str,
}

impl Hub {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that the client soon notices a hub that does not read.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            listener: socket.listen(8).unwrap(),
            log: "log-1",
            pings: r#""pingInterval":25000,"pingTimeout":20000"#,
        }
    }

    fn target(&self) -> Target {
        let address = self.listener.local_addr().unwrap();
        Target {
            url: HubUrl::parse(&format!("ws://{address}")).unwrap(),
            namespace: Namespace::root(),
            name: Some(ClientName::parse("alice").unwrap()),
            token: Some("secret".into()),
            dial: DialOptions::default(),
            auth: AuthFields::default(),
            trace: None,
        }
    }

    /// Accepts the next connection and replies to its CONNECT.
    async fn accept(&self, reply: &str) -> TestConnection {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut connection = TestConnection(accept_async(stream).await.unwrap());
        let pings = self.pings;
        connection
            .send(&format!(
                r#"0{{"sid":"s","upgrades":[],{pings},"maxPayload":1000000}}"#
            ))
            .await;
        let connect = connection.receive().await;
        assert_eq!(connect, r#"40{"as":"alice","token":"secret","roomcat":1}"#);
        connection.send(reply).await;
        connection
    }

    async fn welcome(&self) -> TestConnection {
        let log = self.log;
        self.accept(&format!(
            r#"40{{"sid":"x","roomcat":1,"version":"0","log":"{log}"}}"#
        ))
        .await
    }
}

struct TestConnection(WebSocketStream<TcpStream>);

impl TestConnection {
    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn receive(&mut self) -> String {
        self.0
            .next()
            .await
            .unwrap()
            .unwrap()
            .to_text()
            .unwrap()
            .to_owned()
    }

    /// A batch's ack id and number.
    async fn receive_batch(&mut self) -> (u64, u64) {
        let text = self.receive().await;
        let (id, args) = text.strip_prefix("451-").unwrap().split_once('[').unwrap();
        let args: Vec<serde_json::Value> = serde_json::from_str(&format!("[{args}")).unwrap();
        let body = self.0.next().await.unwrap().unwrap();
        assert_eq!(body, Message::Binary(Bytes::from("hi\n")));
        (id.parse().unwrap(), args[1]["id"][1].as_u64().unwrap())
    }

    async fn receipt(&mut self, id: u64) {
        self.send(&format!(
            r#"43{id}[{{"ok":true,"delivered":1,"queued":0}}]"#
        ))
        .await;
    }

    async fn deliver(&mut self, first: &str) {
        let header = format!(
            r#"451-["batch",{{"rooms":["r"],"event":"message","framing":"lines","count":1,"first":"{first}","at":0}},{{"_placeholder":true,"num":0}}]"#
        );
        self.send(&header).await;
        self.0.send(Message::Binary("hi\n".into())).await.unwrap();
    }
}

fn batch() -> Batch {
    Batch {
        header: PublishHeader {
            rooms: vec![RoomName::parse("r").unwrap()],
            ..PublishHeader::new(EventName::message(), Framing::Lines)
        },
        body: "hi\n".into(),
    }
}

/// Runs the hub's script and the client's; a hang fails the test.
async fn together<A, B>(script: impl Future<Output = A>, client: impl Future<Output = B>) {
    let both = async { tokio::join!(script, client) };
    let done = tokio::time::timeout(Duration::from_secs(20), both).await;
    assert!(done.is_ok(), "the script or the client hangs");
}

/// Runs the client until an event is wanted, and returns that event.
async fn until(client: &mut HubClient, wanted: impl Fn(&ClientEvent) -> bool) -> ClientEvent {
    loop {
        let event = client.next_event().await.unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

#[tokio::test]
async fn unconfirmed_batches_are_sent_again_with_the_same_number() {
    let hub = Hub::new();
    let script = async {
        let mut connection = hub.welcome().await;
        let (id, number) = connection.receive_batch().await;
        assert_eq!(number, 1);
        connection.receipt(id).await;
        assert_eq!(connection.receive_batch().await.1, 2);
        assert_eq!(connection.receive_batch().await.1, 3);
        drop(connection);
        let mut connection = hub.welcome().await;
        let (id, number) = connection.receive_batch().await;
        assert_eq!(number, 2);
        connection
            .send(&format!(r#"43{id}[{{"ok":true,"duplicate":true}}]"#))
            .await;
        let (id, number) = connection.receive_batch().await;
        assert_eq!(number, 3);
        connection.receipt(id).await;
        connection
    };
    let publish = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        for _ in 0..3 {
            client.publish(batch());
        }
        let mut reached = Vec::new();
        while client.unconfirmed_messages() > 0 {
            if let ClientEvent::Receipt(receipt) = client.next_event().await.unwrap() {
                reached.push(receipt.outcome);
            }
        }
        let known = PublishOutcome::Delivered {
            delivered: 1,
            queued: 0,
        };
        assert_eq!(reached, [known, PublishOutcome::Unknown, known]);
    };
    together(script, publish).await;
}

#[tokio::test]
async fn a_refused_batch_is_retried_until_the_deadline() {
    let hub = Hub::new();
    let full =
        |id| format!(r#"43{id}[{{"ok":false,"error":{{"code":"full","message":"no room"}}}}]"#);
    let script = async {
        let mut connection = hub.welcome().await;
        let (id, _) = connection.receive_batch().await;
        connection.send(&full(id)).await;
        let (id, number) = connection.receive_batch().await;
        assert_eq!(number, 1);
        connection.receipt(id).await;
        loop {
            let (id, number) = connection.receive_batch().await;
            assert_eq!(number, 2);
            connection.send(&full(id)).await;
        }
    };
    let publish = async {
        let patience = RetryPolicy::For(Duration::from_millis(300));
        let mut client = HubClient::connect(hub.target(), patience).await.unwrap();
        client.publish(batch());
        until(&mut client, |event| {
            matches!(event, ClientEvent::PublishStalled(_))
        })
        .await;
        until(&mut client, |event| {
            matches!(event, ClientEvent::Receipt(_))
        })
        .await;
        client.publish(batch());
        until(&mut client, |event| {
            matches!(event, ClientEvent::PublishStalled(_))
        })
        .await;
        match client.next_event().await {
            Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, Some(ErrorCode::Full)),
            other => panic!("{other:?}"),
        }
        assert_eq!(client.unconfirmed_messages(), 1);
    };
    select! {
        () = publish => {}
        () = script => {}
    }
}

#[tokio::test]
async fn a_subscription_resumes_after_the_last_written_message_and_repeats_nothing() {
    let hub = Hub::new();
    let script = async {
        let mut connection = hub.welcome().await;
        assert_eq!(
            connection.receive().await,
            r#"421["sub",{"rooms":["r"],"since":7}]"#
        );
        connection
            .send(r#"431[{"ok":true,"head":"41","pending":2,"rooms":["r"]}]"#)
            .await;
        connection.deliver("40").await;
        connection.deliver("41").await;
        assert_eq!(connection.receive().await, r#"42["ack",{"seq":"40"}]"#);
        drop(connection);
        let mut connection = hub.welcome().await;
        let again = r#"422["sub",{"rooms":["r"],"since":"41","log":"log-1"}]"#;
        assert_eq!(connection.receive().await, again);
        connection
            .send(r#"432[{"ok":true,"head":"41","pending":1,"rooms":["r"]}]"#)
            .await;
        assert_eq!(connection.receive().await, r#"42["ack",{"seq":"40"}]"#);
        connection.deliver("41").await;
        connection.deliver("42").await;
        assert_eq!(connection.receive().await, r#"42["ack",{"seq":"42"}]"#);
        assert_eq!(connection.receive().await, r#"423["ack",{"seq":"42"}]"#);
        connection.send(r#"433[{"ok":true}]"#).await;
        connection
    };
    let subscribe = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        client.subscribe(SubscribeRequest {
            rooms: vec![RoomName::parse("r").unwrap()],
            since: Some(StartPosition::Time(7)),
            ..SubscribeRequest::default()
        });
        let is_batch = |event: &ClientEvent| matches!(event, ClientEvent::Batch { .. });
        until(&mut client, is_batch).await;
        until(&mut client, is_batch).await;
        client.ack(Seq::new(40, 0));
        until(&mut client, |event| {
            matches!(event, ClientEvent::Disconnected { .. })
        })
        .await;
        match until(&mut client, is_batch).await {
            ClientEvent::Batch { header, .. } => assert_eq!(header.first, Some(Seq::new(42, 0))),
            other => panic!("{other:?}"),
        }
        client.ack(Seq::new(42, 0));
        assert!(client.request_ack_confirmation());
        until(&mut client, |event| {
            matches!(event, ClientEvent::AckConfirmed)
        })
        .await;
    };
    together(script, subscribe).await;
}

#[tokio::test]
async fn a_sharer_learns_that_its_ack_was_lost_with_its_connection() {
    let hub = Hub::new();
    let script = async {
        let sub =
            |id| format!(r#"42{id}["sub",{{"rooms":["r"],"share":true,"ack_timeout":5000}}]"#);
        let subscribed = |id| format!(r#"43{id}[{{"ok":true,"rooms":["r"]}}]"#);
        let mut connection = hub.welcome().await;
        assert_eq!(connection.receive().await, sub(1));
        connection.send(&subscribed(1)).await;
        connection.deliver("40").await;
        assert_eq!(connection.receive().await, r#"42["ack",{"seq":"40"}]"#);
        assert_eq!(connection.receive().await, r#"422["ack",{"seq":"40"}]"#);
        drop(connection);
        // The connection is lost again while this message is written.
        let mut connection = hub.welcome().await;
        assert_eq!(connection.receive().await, sub(3));
        connection.send(&subscribed(3)).await;
        connection.deliver("40").await;
        drop(connection);
        hub.welcome().await
    };
    let share = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        client.subscribe(SubscribeRequest {
            rooms: vec![RoomName::parse("r").unwrap()],
            mode: DeliveryMode::Shared(ShareSettings {
                window: None,
                ack_timeout: Duration::from_secs(5),
            }),
            ..SubscribeRequest::default()
        });
        let is_batch = |event: &ClientEvent| matches!(event, ClientEvent::Batch { .. });
        let is_lost = |event: &ClientEvent| matches!(event, ClientEvent::AckLost);
        until(&mut client, is_batch).await;
        client.ack(Seq::new(40, 0));
        assert!(client.request_ack_confirmation());
        until(&mut client, is_lost).await;
        until(&mut client, is_batch).await;
        until(&mut client, |event| {
            matches!(event, ClientEvent::Reconnected { .. })
        })
        .await;
        client.ack(Seq::new(40, 0));
        assert!(client.request_ack_confirmation());
        until(&mut client, is_lost).await;
        client
    };
    together(script, share).await;
}

#[tokio::test]
async fn reading_continues_while_the_hub_does_not_read() {
    const BATCHES: usize = 200;
    let hub = Hub::new();
    let body = Bytes::from(vec![b'\n'; 64 * 1024]);
    let script = async {
        let mut connection = hub.welcome().await;
        let (id, _) = connection.receive_batch().await;
        connection.receipt(id).await;
        // Far more than socket buffers hold, in both directions.
        for record in 1..=BATCHES {
            connection.deliver(&record.to_string()).await;
            connection.send("2").await;
        }
        connection
    };
    let both = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Never)
            .await
            .unwrap();
        client.subscription = Some(Subscription::new(SubscribeRequest::default(), "log-1"));
        client.requests.subscribe = SubscribeState::Active;
        client.publish(batch());
        until(&mut client, |event| {
            matches!(event, ClientEvent::Receipt(_))
        })
        .await;
        while client.can_publish() {
            let mut large = batch();
            large.header.count = u32::try_from(body.len()).unwrap();
            large.body = body.clone();
            client.publish(large);
        }
        for _ in 0..BATCHES {
            until(&mut client, |event| {
                matches!(event, ClientEvent::Batch { .. })
            })
            .await;
        }
    };
    together(script, both).await;
}

#[tokio::test]
async fn a_silent_hub_is_disconnected_and_a_ping_is_answered() {
    let mut hub = Hub::new();
    hub.pings = r#""pingInterval":30,"pingTimeout":20"#;
    let script = async {
        let mut connection = hub.welcome().await;
        connection.send("2").await;
        assert_eq!(connection.receive().await, "3");
        connection
    };
    let wait = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Never)
            .await
            .unwrap();
        match client.next_event().await {
            Err(ClientError::Lost { reason, .. }) => {
                assert!(reason.contains("nothing"), "{reason}")
            }
            other => panic!("{other:?}"),
        }
    };
    together(script, wait).await;
}

#[tokio::test]
async fn a_client_ends_when_another_takes_its_name() {
    let hub = Hub::new();
    let script = async {
        let mut connection = hub.welcome().await;
        connection
            .send(r#"42["closed",{"code":"name_taken","message":"alice is elsewhere"}]"#)
            .await;
        connection.send("41").await;
        connection
    };
    let wait = async {
        let mut client = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        match client.next_event().await {
            Err(ClientError::Denied { refusal, .. }) => {
                assert_eq!(refusal.code, Some(ErrorCode::NameTaken))
            }
            other => panic!("{other:?}"),
        }
    };
    together(script, wait).await;
}

#[tokio::test]
async fn a_refused_connection_has_its_reason() {
    for (reply, wanted) in [
        (
            r#"44{"message":"wrong token","data":{"code":"token"}}"#,
            "refused: wrong token",
        ),
        (r#"40{"sid":"x"}"#, "not a roomcat hub"),
        ("41", "cannot reach"),
    ] {
        let hub = Hub::new();
        let target = hub.target();
        let open = async {
            let error = HubClient::connect(target, RetryPolicy::Forever)
                .await
                .err()
                .unwrap();
            assert!(error.to_string().contains(wanted), "{error}");
        };
        let script = async {
            let mut connection = hub.accept(reply).await;
            // "41" alone is ignored; the end of the connection is not.
            let _ = connection.0.close(None).await;
        };
        together(script, open).await;
    }
}

#[tokio::test]
async fn an_unreachable_hub_fails_at_once_at_first_and_after_the_deadline_later() {
    let hub = Hub::new();
    let target = hub.target();
    let accept = hub.welcome();
    let (connection, client) = tokio::join!(
        accept,
        HubClient::connect(target.clone(), RetryPolicy::For(Duration::ZERO))
    );
    let mut client = client.unwrap();
    drop((connection, hub));
    until(&mut client, |event| {
        matches!(event, ClientEvent::Disconnected { .. })
    })
    .await;
    assert!(matches!(
        client.next_event().await,
        Err(ClientError::Lost { .. })
    ));

    let error = HubClient::connect(target, RetryPolicy::Forever)
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.ends_with(": connection refused"), "{text}");
}
