-- What an image is known by: its source (0004) and the SHA-256 of its file. embed-load and sync fill both, also in rows
-- that are there already, without embedding an image again. A source has one row; where rows are distributed by their
-- ids, a unique index would have to hold the id, so that the index only finds rows there.
-- migrate:up
ALTER TABLE {{schema}}.{{table}} ADD COLUMN content_hash text;

CREATE {{#if unique_source}}{{^capability distribution}}UNIQUE {{/capability}}{{/if}}INDEX {{source_index}} ON {{schema}}.{{table}} (source);

-- migrate:down
DROP INDEX {{schema}}.{{source_index}};

ALTER TABLE {{schema}}.{{table}} DROP COLUMN content_hash;
