-- Version 4: delayed messages. To look at them, use the view `later`.

-- One transaction makes a row a record of the log and deletes it. The columns are those of the log. A producer whose last
-- publish was delayed has the record 0.
CREATE TABLE delayed (
    id           INTEGER PRIMARY KEY, -- in the order in which they were taken
    due_ms       INTEGER NOT NULL,    -- when it becomes a record, milliseconds since 1970
    taken_ms     INTEGER NOT NULL,
    namespace    TEXT NOT NULL,
    rooms        TEXT NOT NULL,
    except_rooms TEXT,
    audience     TEXT NOT NULL,
    event        TEXT NOT NULL,
    sender       TEXT,
    origin       TEXT NOT NULL,
    framing      TEXT NOT NULL,
    json         INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    reply        TEXT,
    bytes        INTEGER NOT NULL,    -- of the body
    body         BLOB NOT NULL
) STRICT;
-- With the bytes, so that they can be summed without reading any body.
CREATE INDEX delayed_by_due ON delayed (due_ms, id, bytes);

-- The next message first. The text is made as in the view `texts`.
CREATE VIEW later AS
SELECT strftime('%Y-%m-%d %H:%M:%f', due_ms / 1000.0, 'unixepoch') AS due,
       strftime('%Y-%m-%d %H:%M:%f', taken_ms / 1000.0, 'unixepoch') AS taken,
       namespace,
       (SELECT group_concat(value, ', ') FROM json_each(rooms)) AS rooms,
       event,
       sender,
       count,
       CASE
           WHEN framing = 'lines' THEN CAST(substr(body, 1, length(body) - 1) AS TEXT)
           WHEN framing = 'args' THEN CAST(substr(body, 5, (
               SELECT sum((instr('0123456789ABCDEF', substr(hex(substr(body, 1, 4)), value, 1)) - 1) << (4 * (8 - value)))
                 FROM json_each('[1,2,3,4,5,6,7,8]'))) AS TEXT)
           WHEN count = 1 THEN CAST(substr(body, 5) AS TEXT)
           ELSE '(' || count || ' messages, ' || length(body) || ' bytes)'
       END AS text
  FROM delayed
 ORDER BY due_ms, id;
