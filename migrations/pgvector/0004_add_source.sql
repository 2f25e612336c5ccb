-- Where each image came from, so that results find their images: an absolute path, or a collection's and #record.
-- migrate:up
ALTER TABLE {{schema}}.{{table}} ADD COLUMN source text;

-- migrate:down
ALTER TABLE {{schema}}.{{table}} DROP COLUMN source;
