//! Bare names by the verb `rooms`: of the hub's and the store's, as far as who asks may know them.

use serde_json::{Value, json};

use crate::harness::TestHub;
use crate::raw::Raw;

fn names(raw: &mut Raw, namespace: &str, kind: &str, prefix: &str) -> Value {
    let answer = raw.call(
        namespace,
        "rooms",
        &json!({"names": kind, "prefix": prefix}),
    );
    assert_eq!(answer["ok"], true, "{answer}");
    answer["names"].clone()
}

#[test]
fn names_are_those_of_the_hub_and_those_of_the_store() {
    for arguments in [&[][..], &["--db", ":memory:"]] {
        let hub = TestHub::with(arguments);
        hub.publish("written", "x\n");
        hub.publish("/logs#day", "x\n");
        hub.cmd(&["join", "joined", "--as", "alice"]).check();
        let mut raw = Raw::roomcat(hub.url());
        raw.must("join", &json!("entered"));
        raw.connect("/live", &json!({"roomcat": 1, "as": "bob"}));
        for (namespace, kind, prefix, found) in [
            ("/", "rooms", "", json!(["entered", "joined", "written"])),
            ("/", "rooms", "w", json!(["written"])),
            ("/", "members", "", json!(["alice"])),
            ("/live", "rooms", "", json!([])),
            ("/", "namespaces", "", json!(["/", "/live", "/logs"])),
            ("/live", "namespaces", "/l", json!(["/live", "/logs"])),
        ] {
            assert_eq!(
                names(&mut raw, namespace, kind, prefix),
                found,
                "{kind} {prefix}"
            );
        }
        let wrong = raw.call("/", "rooms", &json!({"names": "tokens"}));
        assert_eq!(wrong["error"]["code"], "bad_request", "{wrong}");
    }
}

#[test]
fn nobody_is_told_of_a_namespace_that_it_may_not_enter() {
    let hub = TestHub::declared(
        "[namespaces.\"/\"]\n[namespaces.\"/open\"]\n[namespaces.\"/t-*\"]\n\
         [namespaces.\"/board\"]\ntokens = [{ token = \"chalk\", may = [\"sub\"] }]\n",
    );
    let mut raw = Raw::roomcat(hub.url());
    raw.connect("/t-7", &json!({"roomcat": 1}));
    raw.connect("/board", &json!({"roomcat": 1, "token": "chalk"}));
    assert_eq!(
        names(&mut raw, "/", "namespaces", ""),
        json!(["/", "/open", "/t-7"])
    );
    assert_eq!(
        names(&mut raw, "/board", "namespaces", ""),
        json!(["/board"])
    );
}
