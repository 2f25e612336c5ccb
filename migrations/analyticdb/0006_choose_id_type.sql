-- The type of the ids: integer as in the tutorial, bigint for ids made of paths (--ids path), text or uuid for ids that
-- other programs give. Only an empty table is changed: of one with rows, each row would be written again while nobody
-- can read. Where rows are distributed by their ids, the key steps aside meanwhile.
-- migrate:up
{{#if id_type != integer}}
DO $do$
DECLARE
  key text := (SELECT quote_ident(conname) FROM pg_constraint
               WHERE conrelid = $table${{schema}}.{{table}}$table$::regclass AND contype = 'p');
BEGIN
  IF EXISTS (SELECT 1 FROM {{schema}}.{{table}}) THEN
    RAISE EXCEPTION 'the table has rows, so that the type of its ids stays'
      USING HINT = 'Fix: leave id_type out, or make another table with --set table=NAME';
  END IF;
  {{#capability distribution}}
  EXECUTE $key$ALTER TABLE {{schema}}.{{table}} DROP CONSTRAINT $key$ || key;
  ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED RANDOMLY;
  {{/capability}}
  ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE {{id_type}} USING id::text::{{id_type}};
  {{#capability distribution}}
  ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED BY (id);
  EXECUTE $key$ALTER TABLE {{schema}}.{{table}} ADD CONSTRAINT $key$ || key || ' PRIMARY KEY (id)';
  {{/capability}}
END
$do$;
{{/if}}

-- migrate:down
-- An empty table gets integers again. The ids of rows may be none, and keep their type.
{{#if id_type != integer}}
DO $do$
DECLARE
  key text := (SELECT quote_ident(conname) FROM pg_constraint
               WHERE conrelid = $table${{schema}}.{{table}}$table$::regclass AND contype = 'p');
BEGIN
  IF NOT EXISTS (SELECT 1 FROM {{schema}}.{{table}}) THEN
    {{#capability distribution}}
    EXECUTE $key$ALTER TABLE {{schema}}.{{table}} DROP CONSTRAINT $key$ || key;
    ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED RANDOMLY;
    {{/capability}}
    ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE integer USING id::text::integer;
    {{#capability distribution}}
    ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED BY (id);
    EXECUTE $key$ALTER TABLE {{schema}}.{{table}} ADD CONSTRAINT $key$ || key || ' PRIMARY KEY (id)';
    {{/capability}}
  END IF;
END
$do$;
{{/if}}
