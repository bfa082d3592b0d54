use super::*;
use crate::hub::peer::Peer;
use crate::store::Reader;

fn present(name: Option<&str>, since_ms: u64) -> PresentSocket {
    let name = name.map(|name| crate::address::ClientName::parse(name).unwrap());
    let address = PeerAddress::Tcp("[::ffff:10.0.0.1]:77".parse().unwrap());
    let peer = Arc::new(Peer::polling(address));
    PresentSocket {
        reader: Arc::new(Reader {
            sid: Some("sid".into()),
            ..Reader::default()
        }),
        stats: Arc::new(SocketStats::new(peer, name, since_ms)),
        backlog: Backlog::None,
    }
}

#[test]
fn a_row_has_every_known_field() {
    let one = present(None, 7);
    one.stats.record_progress(crate::address::Seq::START, 3);
    one.stats.peer.mark_upgraded();
    let known = json!({
        "sid": "sid", "address": "10.0.0.1:77", "transport": "websocket", "rooms": [], "lag": 3, "since": 7,
    });
    assert_eq!(row(&one, Lag::Exactly(0)), known);
    let lagging = row(&one, Lag::AtLeast(4));
    assert_eq!(
        (&lagging["lag"], &lagging["lag_is_least"]),
        (&json!(7), &json!(true))
    );
}

#[test]
fn named_sockets_come_first_and_the_oldest_of_a_name() {
    let mut all = [
        present(None, 2),
        present(Some("b"), 9),
        present(None, 1),
        present(Some("b"), 3),
        present(Some("a"), 5),
    ];
    all.sort_by(|a, b| sort_key(&a.stats).cmp(&sort_key(&b.stats)));
    let since: Vec<u64> = all.iter().map(|one| one.stats.connected_at_ms).collect();
    assert_eq!(since, [5, 3, 9, 1, 2]);
}
