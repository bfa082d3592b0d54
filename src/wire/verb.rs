//! The verbs: events that ask something of the hub. Any other event is the application's own.

use super::words::wire_words;

wire_words! {
    /// Each takes an ack id and is answered `{"ok":true,…}` or `{"ok":false,"error":{"code","message"}}`.
    Verb {
        Batch = "batch",
        Pub = "pub",
        Join = "join",
        Leave = "leave",
        Sub = "sub",
        Ack = "ack",
        Rooms = "rooms",
        Queue = "queue",
        Peek = "peek",
        Purge = "purge",
        Who = "who",
        Kick = "kick",
    }
}
