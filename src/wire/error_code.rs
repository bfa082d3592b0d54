//! The codes of the hub's errors: in the answer to a verb, in a CONNECT_ERROR and in a `closed` event.

use super::words::wire_words;

wire_words! {
    ErrorCode {
        BadRequest = "bad_request",
        TooLarge = "too_large",
        Forbidden = "forbidden",
        Token = "token",
        /// Nothing more is stored until members read or leave.
        Full = "full",
        Disk = "disk",
        OutOfOrder = "out_of_order",
        NameTaken = "name_taken",
        /// Another client closed this socket.
        Kicked = "kicked",
        NoRooms = "no_rooms",
        /// The namespace's program refused.
        Denied = "denied",
        /// The namespace's program has too much to do.
        Busy = "busy",
        /// The namespace's program did not answer in time.
        NoAnswer = "no_answer",
    }
}

impl ErrorCode {
    /// Whether the hub may accept the same publish later.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Full | Self::Disk)
    }
}
