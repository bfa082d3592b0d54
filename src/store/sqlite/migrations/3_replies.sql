-- Version 3: the room for answers. A column after the body costs nothing: SQLite finds a NULL without reading the body.

ALTER TABLE log ADD COLUMN reply TEXT;    -- the room that answers to this record's messages go to
