//! A peer against a hub of these tests: a real socket, and a script for what is said on it.

use std::future::Future;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::address::{ClientName, EventName, Namespace};
use crate::client::dial_options::{AuthFields, DialOptions};
use crate::client::publish_window::PublishOutcome;
use crate::client::subscription::{DeliveryMode, ShareOptions, StartPosition};
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
        // Small, so that a hub that does not read is felt soon.
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

    /// The next connection, up to what the hub answers to CONNECT.
    async fn accept(&self, reply: &str) -> Line {
        let (stream, _) = self.listener.accept().await.unwrap();
        let mut line = Line(accept_async(stream).await.unwrap());
        let pings = self.pings;
        line.say(&format!(
            r#"0{{"sid":"s","upgrades":[],{pings},"maxPayload":1000000}}"#
        ))
        .await;
        let connect = line.hear().await;
        assert_eq!(connect, r#"40{"as":"alice","token":"secret","roomcat":1}"#);
        line.say(reply).await;
        line
    }

    async fn welcome(&self) -> Line {
        let log = self.log;
        self.accept(&format!(
            r#"40{{"sid":"x","roomcat":1,"version":"0","log":"{log}"}}"#
        ))
        .await
    }
}

struct Line(WebSocketStream<TcpStream>);

impl Line {
    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    async fn hear(&mut self) -> String {
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
    async fn hear_batch(&mut self) -> (u64, u64) {
        let text = self.hear().await;
        let (id, args) = text.strip_prefix("451-").unwrap().split_once('[').unwrap();
        let args: Vec<serde_json::Value> = serde_json::from_str(&format!("[{args}")).unwrap();
        let body = self.0.next().await.unwrap().unwrap();
        assert_eq!(body, Message::Binary(Bytes::from("hi\n")));
        (id.parse().unwrap(), args[1]["id"][1].as_u64().unwrap())
    }

    async fn receipt(&mut self, id: u64) {
        self.say(&format!(
            r#"43{id}[{{"ok":true,"delivered":1,"queued":0}}]"#
        ))
        .await;
    }

    async fn deliver(&mut self, first: &str) {
        let header = format!(
            r#"451-["batch",{{"rooms":["r"],"event":"message","framing":"lines","count":1,"first":"{first}","at":0}},{{"_placeholder":true,"num":0}}]"#
        );
        self.say(&header).await;
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

/// The hub's part and the peer's; a hang is a failure.
async fn together<A, B>(script: impl Future<Output = A>, peer: impl Future<Output = B>) {
    let both = async { tokio::join!(script, peer) };
    let done = tokio::time::timeout(Duration::from_secs(20), both).await;
    assert!(done.is_ok(), "it hangs");
}

/// Runs until `wanted` says that it was this event.
async fn until(peer: &mut HubClient, wanted: impl Fn(&ClientEvent) -> bool) -> ClientEvent {
    loop {
        let event = peer.next_event().await.unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

#[tokio::test]
async fn what_was_not_confirmed_is_sent_again_with_the_same_number() {
    let hub = Hub::new();
    let script = async {
        let mut line = hub.welcome().await;
        let (id, number) = line.hear_batch().await;
        assert_eq!(number, 1);
        line.receipt(id).await;
        assert_eq!(line.hear_batch().await.1, 2);
        assert_eq!(line.hear_batch().await.1, 3);
        drop(line);
        let mut line = hub.welcome().await;
        let (id, number) = line.hear_batch().await;
        assert_eq!(number, 2);
        line.say(&format!(r#"43{id}[{{"ok":true,"duplicate":true}}]"#))
            .await;
        let (id, number) = line.hear_batch().await;
        assert_eq!(number, 3);
        line.receipt(id).await;
        line
    };
    let publish = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        for _ in 0..3 {
            peer.publish(batch());
        }
        let mut reached = Vec::new();
        while peer.unconfirmed_messages() > 0 {
            if let ClientEvent::Receipt(receipt) = peer.next_event().await.unwrap() {
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
async fn a_full_hub_is_asked_again_until_patience_ends() {
    let hub = Hub::new();
    let full =
        |id| format!(r#"43{id}[{{"ok":false,"error":{{"code":"full","message":"no room"}}}}]"#);
    let script = async {
        let mut line = hub.welcome().await;
        let (id, _) = line.hear_batch().await;
        line.say(&full(id)).await;
        let (id, number) = line.hear_batch().await;
        assert_eq!(number, 1);
        line.receipt(id).await;
        loop {
            let (id, number) = line.hear_batch().await;
            assert_eq!(number, 2);
            line.say(&full(id)).await;
        }
    };
    let publish = async {
        let patience = RetryPolicy::For(Duration::from_millis(300));
        let mut peer = HubClient::connect(hub.target(), patience).await.unwrap();
        peer.publish(batch());
        until(&mut peer, |event| {
            matches!(event, ClientEvent::PublishStalled(_))
        })
        .await;
        until(&mut peer, |event| matches!(event, ClientEvent::Receipt(_))).await;
        peer.publish(batch());
        until(&mut peer, |event| {
            matches!(event, ClientEvent::PublishStalled(_))
        })
        .await;
        match peer.next_event().await {
            Err(ClientError::Refused(refusal)) => assert_eq!(refusal.code, Some(ErrorCode::Full)),
            other => panic!("{other:?}"),
        }
        assert_eq!(peer.unconfirmed_messages(), 1);
    };
    select! {
        () = publish => {}
        () = script => {}
    }
}

#[tokio::test]
async fn a_subscription_resumes_behind_what_was_written_and_repeats_nothing() {
    let hub = Hub::new();
    let script = async {
        let mut line = hub.welcome().await;
        assert_eq!(line.hear().await, r#"421["sub",{"rooms":["r"],"since":7}]"#);
        line.say(r#"431[{"ok":true,"head":"41","pending":2,"rooms":["r"]}]"#)
            .await;
        line.deliver("40").await;
        line.deliver("41").await;
        assert_eq!(line.hear().await, r#"42["ack",{"seq":"40"}]"#);
        drop(line);
        let mut line = hub.welcome().await;
        let again = r#"422["sub",{"rooms":["r"],"since":"41","log":"log-1"}]"#;
        assert_eq!(line.hear().await, again);
        line.say(r#"432[{"ok":true,"head":"41","pending":1,"rooms":["r"]}]"#)
            .await;
        assert_eq!(line.hear().await, r#"42["ack",{"seq":"40"}]"#);
        line.deliver("41").await;
        line.deliver("42").await;
        assert_eq!(line.hear().await, r#"42["ack",{"seq":"42"}]"#);
        assert_eq!(line.hear().await, r#"423["ack",{"seq":"42"}]"#);
        line.say(r#"433[{"ok":true}]"#).await;
        line
    };
    let subscribe = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        peer.subscribe(SubscribeRequest {
            rooms: vec![RoomName::parse("r").unwrap()],
            since: Some(StartPosition::Time(7)),
            ..SubscribeRequest::default()
        });
        let is_batch = |event: &ClientEvent| matches!(event, ClientEvent::Batch { .. });
        until(&mut peer, is_batch).await;
        until(&mut peer, is_batch).await;
        peer.ack(Seq::new(40, 0));
        until(&mut peer, |event| {
            matches!(event, ClientEvent::Disconnected { .. })
        })
        .await;
        match until(&mut peer, is_batch).await {
            ClientEvent::Batch { header, .. } => assert_eq!(header.first, Some(Seq::new(42, 0))),
            other => panic!("{other:?}"),
        }
        peer.ack(Seq::new(42, 0));
        assert!(peer.request_ack_confirmation());
        until(&mut peer, |event| {
            matches!(event, ClientEvent::AckConfirmed)
        })
        .await;
    };
    together(script, subscribe).await;
}

#[tokio::test]
async fn a_sharer_is_told_that_its_ack_was_lost_with_its_connection() {
    let hub = Hub::new();
    let script = async {
        let sub =
            |id| format!(r#"42{id}["sub",{{"rooms":["r"],"share":true,"ack_timeout":5000}}]"#);
        let subscribed = |id| format!(r#"43{id}[{{"ok":true,"rooms":["r"]}}]"#);
        let mut line = hub.welcome().await;
        assert_eq!(line.hear().await, sub(1));
        line.say(&subscribed(1)).await;
        line.deliver("40").await;
        assert_eq!(line.hear().await, r#"42["ack",{"seq":"40"}]"#);
        assert_eq!(line.hear().await, r#"422["ack",{"seq":"40"}]"#);
        drop(line);
        // While this one is written the connection is lost once more.
        let mut line = hub.welcome().await;
        assert_eq!(line.hear().await, sub(3));
        line.say(&subscribed(3)).await;
        line.deliver("40").await;
        drop(line);
        hub.welcome().await
    };
    let share = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        peer.subscribe(SubscribeRequest {
            rooms: vec![RoomName::parse("r").unwrap()],
            mode: DeliveryMode::Shared(ShareOptions {
                window: None,
                ack_timeout: Duration::from_secs(5),
            }),
            ..SubscribeRequest::default()
        });
        let is_batch = |event: &ClientEvent| matches!(event, ClientEvent::Batch { .. });
        let is_lost = |event: &ClientEvent| matches!(event, ClientEvent::AckLost);
        until(&mut peer, is_batch).await;
        peer.ack(Seq::new(40, 0));
        assert!(peer.request_ack_confirmation());
        until(&mut peer, is_lost).await;
        until(&mut peer, is_batch).await;
        until(&mut peer, |event| {
            matches!(event, ClientEvent::Reconnected { .. })
        })
        .await;
        peer.ack(Seq::new(40, 0));
        assert!(peer.request_ack_confirmation());
        until(&mut peer, is_lost).await;
        peer
    };
    together(script, share).await;
}

#[tokio::test]
async fn reading_goes_on_while_the_hub_does_not_read() {
    const BATCHES: usize = 200;
    let hub = Hub::new();
    let body = Bytes::from(vec![b'\n'; 64 * 1024]);
    let script = async {
        let mut line = hub.welcome().await;
        let (id, _) = line.hear_batch().await;
        line.receipt(id).await;
        // Far more than socket buffers hold, both ways at once.
        for record in 1..=BATCHES {
            line.deliver(&record.to_string()).await;
            line.say("2").await;
        }
        line
    };
    let both = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Never)
            .await
            .unwrap();
        peer.subscription = Some(Subscription::new(SubscribeRequest::default(), "log-1"));
        peer.verbs.subscribed = true;
        peer.publish(batch());
        until(&mut peer, |event| matches!(event, ClientEvent::Receipt(_))).await;
        while peer.can_publish() {
            let mut large = batch();
            large.header.count = u32::try_from(body.len()).unwrap();
            large.body = body.clone();
            peer.publish(large);
        }
        for _ in 0..BATCHES {
            until(&mut peer, |event| {
                matches!(event, ClientEvent::Batch { .. })
            })
            .await;
        }
    };
    together(script, both).await;
}

#[tokio::test]
async fn a_silent_hub_is_lost_and_a_ping_is_answered() {
    let mut hub = Hub::new();
    hub.pings = r#""pingInterval":30,"pingTimeout":20"#;
    let script = async {
        let mut line = hub.welcome().await;
        line.say("2").await;
        assert_eq!(line.hear().await, "3");
        line
    };
    let wait = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Never)
            .await
            .unwrap();
        match peer.next_event().await {
            Err(ClientError::Lost { reason, .. }) => {
                assert!(reason.contains("nothing"), "{reason}")
            }
            other => panic!("{other:?}"),
        }
    };
    together(script, wait).await;
}

#[tokio::test]
async fn who_takes_the_name_ends_this_one() {
    let hub = Hub::new();
    let script = async {
        let mut line = hub.welcome().await;
        line.say(r#"42["closed",{"code":"name_taken","message":"alice is elsewhere"}]"#)
            .await;
        line.say("41").await;
        line
    };
    let wait = async {
        let mut peer = HubClient::connect(hub.target(), RetryPolicy::Forever)
            .await
            .unwrap();
        match peer.next_event().await {
            Err(ClientError::Denied { refusal, .. }) => {
                assert_eq!(refusal.code, Some(ErrorCode::NameTaken))
            }
            other => panic!("{other:?}"),
        }
    };
    together(script, wait).await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_says_why() {
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
            let mut line = hub.accept(reply).await;
            // "41" alone is passed over; the end of the connection is not.
            let _ = line.0.close(None).await;
        };
        together(script, open).await;
    }
}

#[tokio::test]
async fn nobody_there_is_known_at_once_and_later_after_patience() {
    let hub = Hub::new();
    let target = hub.target();
    let accept = hub.welcome();
    let (line, peer) = tokio::join!(
        accept,
        HubClient::connect(target.clone(), RetryPolicy::For(Duration::ZERO))
    );
    let mut peer = peer.unwrap();
    drop((line, hub));
    until(&mut peer, |event| {
        matches!(event, ClientEvent::Disconnected { .. })
    })
    .await;
    assert!(matches!(
        peer.next_event().await,
        Err(ClientError::Lost { .. })
    ));

    let error = HubClient::connect(target, RetryPolicy::Forever)
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.ends_with(": connection refused"), "{text}");
}
