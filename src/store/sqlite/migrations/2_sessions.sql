-- Version 2: sessions that can be recovered. To look at them, use the view `recoverable`.

CREATE TABLE sessions (
    id        INTEGER PRIMARY KEY,
    pid       TEXT NOT NULL UNIQUE,   -- who shows it takes the session up: a secret
    sid       TEXT NOT NULL,
    namespace TEXT NOT NULL,
    client    TEXT,
    holder    INTEGER,                -- which connection has it now, a random number; NULL: none
    lost_ms   INTEGER                 -- when the last one was lost, milliseconds since 1970; NULL: it is there
) STRICT;
CREATE INDEX sessions_by_holder ON sessions (holder) WHERE holder IS NOT NULL;
CREATE INDEX sessions_by_lost ON sessions (lost_ms, pid) WHERE lost_ms IS NOT NULL;

-- The rooms of each session, with the first message that it is owed there. What the client got counts only from there on.
CREATE TABLE session_rooms (
    session      INTEGER NOT NULL REFERENCES sessions (id),
    room         TEXT NOT NULL,       -- empty: the whole namespace
    since_record INTEGER NOT NULL,
    since_index  INTEGER NOT NULL,
    PRIMARY KEY (session, room)
) STRICT, WITHOUT ROWID;

CREATE VIEW recoverable AS
SELECT sid,
       namespace,
       client,
       (SELECT group_concat(room, ', ') FROM session_rooms WHERE session = id) AS rooms,
       strftime('%Y-%m-%d %H:%M:%f', lost_ms / 1000.0, 'unixepoch') AS lost
  FROM sessions
 ORDER BY lost_ms, sid;
