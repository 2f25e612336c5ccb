-- The type of the ids: bigint also holds those that are made of paths (--ids path), text or uuid those that other
-- programs give. Only an empty table is changed: of one with rows, each row would be written again while nobody can
-- read. bigint, the default, leaves the integers of such a table, of one on Greenplum 7, and of one whose shards lie
-- beside another table's, which has integers too; text and uuid are refused for one with rows.
-- migrate:up
{{#if id_type = bigint}}
{{^capability distribution}}
DO $do$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM {{schema}}.{{table}}){{#capability citus}}{{#if colocate_with}} AND {{colocate_with}} IN ('none', 'default'){{/if}}{{/capability}} THEN
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM set_config('client_min_messages', 'warning', true);
    PERFORM undistribute_table($table${{schema}}.{{table}}$table$);
    {{/if}}
    {{/capability}}
    ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE bigint;
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM create_distributed_table($table${{schema}}.{{table}}$table$, 'id'{{#if shards}}, shard_count => {{shards}}{{/if}}{{#if colocate_with}}, colocate_with => {{colocate_with}}{{/if}});
    {{/if}}
    {{/capability}}
  END IF;
END
$do$;
{{/capability}}
{{else if id_type != integer}}
DO $do$
DECLARE
  key text := (SELECT quote_ident(conname) FROM pg_constraint
               WHERE conrelid = $table${{schema}}.{{table}}$table$::regclass AND contype = 'p');
BEGIN
  IF EXISTS (SELECT 1 FROM {{schema}}.{{table}}) THEN
    RAISE EXCEPTION 'the table has rows, so that the type of its ids stays'
      USING HINT = 'Fix: leave id_type out, or make another table with --set table=NAME';
  END IF;
  {{#capability citus}}
  {{#if placement = distributed}}
  PERFORM undistribute_table($table${{schema}}.{{table}}$table$);
  {{/if}}
  {{/capability}}
  {{#capability distribution}}
  EXECUTE $key$ALTER TABLE {{schema}}.{{table}} DROP CONSTRAINT $key$ || key;
  {{#if placement != replicated}}
  ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED RANDOMLY;
  {{/if}}
  {{/capability}}
  ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE {{id_type}} USING id::text::{{id_type}};
  {{#capability distribution}}
  {{#if placement != replicated}}
  ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED BY (id);
  {{/if}}
  EXECUTE $key$ALTER TABLE {{schema}}.{{table}} ADD CONSTRAINT $key$ || key || ' PRIMARY KEY (id)';
  {{/capability}}
  {{#capability citus}}
  {{#if placement = distributed}}
  PERFORM create_distributed_table($table${{schema}}.{{table}}$table$, 'id'{{#if shards}}, shard_count => {{shards}}{{/if}}{{#if colocate_with}}, colocate_with => {{colocate_with}}{{/if}});
  {{/if}}
  {{/capability}}
END
$do$;
{{/if}}

-- migrate:down
-- An empty table gets integers again. The ids of rows may be none, and keep their type.
{{#if id_type = bigint}}
{{^capability distribution}}
DO $do$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM {{schema}}.{{table}}){{#capability citus}}{{#if colocate_with}} AND {{colocate_with}} IN ('none', 'default'){{/if}}{{/capability}} THEN
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM set_config('client_min_messages', 'warning', true);
    PERFORM undistribute_table($table${{schema}}.{{table}}$table$);
    {{/if}}
    {{/capability}}
    ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE integer;
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM create_distributed_table($table${{schema}}.{{table}}$table$, 'id'{{#if shards}}, shard_count => {{shards}}{{/if}}{{#if colocate_with}}, colocate_with => {{colocate_with}}{{/if}});
    {{/if}}
    {{/capability}}
  END IF;
END
$do$;
{{/capability}}
{{else if id_type != integer}}
DO $do$
DECLARE
  key text := (SELECT quote_ident(conname) FROM pg_constraint
               WHERE conrelid = $table${{schema}}.{{table}}$table$::regclass AND contype = 'p');
BEGIN
  IF NOT EXISTS (SELECT 1 FROM {{schema}}.{{table}}) THEN
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM undistribute_table($table${{schema}}.{{table}}$table$);
    {{/if}}
    {{/capability}}
    {{#capability distribution}}
    EXECUTE $key$ALTER TABLE {{schema}}.{{table}} DROP CONSTRAINT $key$ || key;
    {{#if placement != replicated}}
    ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED RANDOMLY;
    {{/if}}
    {{/capability}}
    ALTER TABLE {{schema}}.{{table}} ALTER COLUMN id TYPE integer USING id::text::integer;
    {{#capability distribution}}
    {{#if placement != replicated}}
    ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED BY (id);
    {{/if}}
    EXECUTE $key$ALTER TABLE {{schema}}.{{table}} ADD CONSTRAINT $key$ || key || ' PRIMARY KEY (id)';
    {{/capability}}
    {{#capability citus}}
    {{#if placement = distributed}}
    PERFORM create_distributed_table($table${{schema}}.{{table}}$table$, 'id'{{#if shards}}, shard_count => {{shards}}{{/if}}{{#if colocate_with}}, colocate_with => {{colocate_with}}{{/if}});
    {{/if}}
    {{/capability}}
  END IF;
END
$do$;
{{/if}}
