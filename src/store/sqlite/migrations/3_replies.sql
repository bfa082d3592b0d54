-- Version 3: where answers go. Behind the body costs nothing: a NULL is found without reading what stands before it.

ALTER TABLE log ADD COLUMN reply TEXT;    -- the room that answers to this record's messages go to
