-- Version 1: the log with cursors. Only roomcat writes here. To look at it, use the views `messages` and `pending`.

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

-- A record holds `count` messages in `body`: one, or consecutive ones of one sender and event.
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

-- The index of rooms: a record has one number, however many rooms it is in.
CREATE TABLE log_rooms (
    room   INTEGER NOT NULL REFERENCES rooms (id),
    record INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    plain  INTEGER NOT NULL,      -- 1: for everyone in the room; 0: its audience or except_rooms skip some
    start  INTEGER NOT NULL,      -- the weight of this room's records before it
    PRIMARY KEY (room, record)
) STRICT, WITHOUT ROWID;

-- A member has acknowledged everything before its cursor.
CREATE TABLE members (
    client        TEXT NOT NULL,
    room          INTEGER NOT NULL REFERENCES rooms (id),
    cursor_record INTEGER NOT NULL,
    cursor_index  INTEGER NOT NULL,
    PRIMARY KEY (client, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_room ON members (room);

-- The last publish of each producer, by which a repeated one is recognised.
CREATE TABLE producers (
    producer TEXT PRIMARY KEY,
    counter  INTEGER NOT NULL,
    record   INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A record's body as text: lines without the last newline, the JSON of args (which follows its length of four bytes), and a
-- single message of bytes as it is.
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

-- Every message in the log, oldest first. A batch of framing bytes stays one row. Lines are split through JSON: quoting turns
-- each newline into \n, and no other \n is left because each \\ is written differently first.
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

-- The pending messages of each member, a row for each record. Of a record that was read in part, only the rest counts.
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
