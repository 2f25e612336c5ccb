-- The vectors stay in the row itself: a search reads them without a detour through TOAST.
-- migrate:up
ALTER TABLE {{schema}}.{{table}} ALTER COLUMN image_vector SET STORAGE PLAIN;

-- migrate:down
ALTER TABLE {{schema}}.{{table}} ALTER COLUMN image_vector SET STORAGE EXTENDED;
