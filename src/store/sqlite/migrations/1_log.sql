-- The log with cursors, as roomcat keeps it. Only roomcat writes here; to look, ask the views `messages` and `pending`.
-- Version 1.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,       -- log_id; of the highest record pruned: its number, its time, and the weight of the log up to its end
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    id           INTEGER PRIMARY KEY,
    namespace    TEXT NOT NULL,
    name         TEXT NOT NULL,   -- empty: the whole namespace
    pruned_to    INTEGER NOT NULL DEFAULT 0,  -- the highest record of this room that was pruned,
    pruned_count INTEGER NOT NULL DEFAULT 0,  -- and how many messages it held
    UNIQUE (namespace, name)
) STRICT;

-- A record is one message, or consecutive ones of one sender and event: `count` of them in `body`.
CREATE TABLE log (
    record       INTEGER PRIMARY KEY,
    start        INTEGER NOT NULL,  -- the weight of the whole log before it: how far back a size reaches is a lookup
    at_ms        INTEGER NOT NULL,  -- milliseconds since 1970, never descending
    namespace    TEXT NOT NULL,
    rooms        TEXT NOT NULL,     -- JSON
    except_rooms TEXT,              -- JSON: whoever is in one of these is skipped
    audience     TEXT NOT NULL,     -- all | others
    event        TEXT NOT NULL,
    sender       TEXT,
    origin       TEXT NOT NULL,     -- the sid of the sender's socket
    framing      TEXT NOT NULL,     -- lines: each ended by \n | bytes: u32 length, bytes … | args: u32 length, JSON, attachments
    json         INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT;

-- The records of each room: one record, one number, however many rooms.
CREATE TABLE log_rooms (
    room   INTEGER NOT NULL REFERENCES rooms (id),
    record INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    plain  INTEGER NOT NULL,      -- 1: for everyone in the room; 0: its audience or except_rooms skip some
    start  INTEGER NOT NULL,      -- the weight of this room's records before it
    PRIMARY KEY (room, record)
) STRICT, WITHOUT ROWID;

-- Everything before the cursor is acknowledged.
CREATE TABLE members (
    client        TEXT NOT NULL,
    room          INTEGER NOT NULL REFERENCES rooms (id),
    cursor_record INTEGER NOT NULL,
    cursor_index  INTEGER NOT NULL,
    PRIMARY KEY (client, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_room ON members (room);

-- The last publish of each producer, so that a repeated one is recognised.
CREATE TABLE producers (
    producer TEXT PRIMARY KEY,
    counter  INTEGER NOT NULL,
    record   INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A record's body as text: lines without the last newline, the JSON of args (behind its length, four bytes), one message of
-- bytes as it is.
CREATE VIEW texts AS
SELECT record,
       CASE
           WHEN framing = 'lines' THEN CAST(substr(body, 1, length(body) - 1) AS TEXT)
           WHEN framing = 'args' THEN CAST(substr(body, 5, (
               SELECT sum((instr('0123456789ABCDEF', substr(hex(substr(body, 1, 4)), value, 1)) - 1) << (4 * (8 - value)))
                 FROM json_each('[1,2,3,4,5,6,7,8]'))) AS TEXT)
           WHEN count = 1 THEN CAST(substr(body, 5) AS TEXT)
           ELSE '(' || count || ' messages, ' || length(body) || ' bytes)'
       END AS text
  FROM log;

-- Every message kept, oldest first; a batch of framing bytes stays one row. Lines are split by way of JSON: quoting turns
-- each newline into \n, and spelling \\ otherwise first leaves no other \n.
CREATE VIEW messages AS
SELECT CASE message.key WHEN 0 THEN CAST(log.record AS TEXT) ELSE log.record || '.' || message.key END AS seq,
       strftime('%Y-%m-%d %H:%M:%f', log.at_ms / 1000.0, 'unixepoch') AS time,
       log.namespace,
       (SELECT group_concat(value, ', ') FROM json_each(log.rooms)) AS rooms,
       log.event,
       log.sender,
       message.value AS text
  FROM log
  JOIN texts ON texts.record = log.record
  JOIN json_each(CASE log.framing
           WHEN 'lines' THEN
               '[' || replace(replace(json_quote(texts.text), '\\', '\u005c'), '\n', '","') || ']'
           ELSE json_array(texts.text)
       END) AS message
 ORDER BY log.record;

-- What waits for each member, a row per record; of a record that it read in part, what is left counts.
CREATE VIEW pending AS
SELECT members.client,
       rooms.namespace,
       rooms.name AS room,
       CASE WHEN log.record = members.cursor_record AND members.cursor_index > 0
            THEN log.record || '.' || members.cursor_index ELSE CAST(log.record AS TEXT) END AS seq,
       log.count - CASE log.record WHEN members.cursor_record THEN members.cursor_index ELSE 0 END AS count,
       strftime('%Y-%m-%d %H:%M:%f', log.at_ms / 1000.0, 'unixepoch') AS time,
       log.event,
       log.sender,
       texts.text
  FROM members
  JOIN rooms ON rooms.id = members.room
  JOIN log_rooms ON log_rooms.room = members.room AND log_rooms.record >= members.cursor_record
  JOIN log ON log.record = log_rooms.record
  JOIN texts ON texts.record = log.record
 WHERE (log.record > members.cursor_record OR members.cursor_index < log.count)
   AND NOT (log.audience = 'others' AND log.sender IS members.client)
   AND NOT EXISTS (
       SELECT 1
         FROM json_each(log.except_rooms) AS skipped
         JOIN rooms AS r ON r.namespace = rooms.namespace AND r.name = skipped.value
         JOIN members AS m ON m.client = members.client AND m.room = r.id);
