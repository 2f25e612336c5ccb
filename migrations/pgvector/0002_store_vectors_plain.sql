-- A vector that fits into the row is kept there: a search reads it without a detour through TOAST. A page of 8 KiB has
-- room for one of 1900 dimensions and a class beside it; longer ones stay where PostgreSQL puts them.
-- migrate:up
{{#if dim <= 1900}}
ALTER TABLE {{schema}}.{{table}} ALTER COLUMN image_vector SET STORAGE PLAIN;
{{/if}}

-- migrate:down
ALTER TABLE {{schema}}.{{table}} ALTER COLUMN image_vector SET STORAGE EXTERNAL;
