-- Where the rows lie on an engine with several nodes. On Citus a new table is the coordinator's alone; here its rows are
-- spread over the workers by their ids, or each node gets a copy of them all (placement = replicated). Greenplum and
-- Cloudberry have spread the table when it was made. On one PostgreSQL there is nothing to do.
-- migrate:up
{{#capability citus}}
{{#if placement = distributed}}
SELECT create_distributed_table($table${{schema}}.{{table}}$table$, 'id'{{#if shards}}, shard_count => {{shards}}{{/if}}{{#if colocate_with}}, colocate_with => {{colocate_with}}{{/if}});
{{else if placement = replicated}}
SELECT create_reference_table($table${{schema}}.{{table}}$table$);
{{/if}}
{{#if placement != local}}
-- Rows that were there before were copied; the coordinator's copies would stay on its disk.
SELECT truncate_local_data_after_distributing_table($table${{schema}}.{{table}}$table$);
{{/if}}
{{/capability}}
{{#capability distribution}}
{{#if placement = replicated}}
ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED REPLICATED;
{{/if}}
{{/capability}}

-- migrate:down
{{#capability citus}}
{{#if placement != local}}
SELECT undistribute_table($table${{schema}}.{{table}}$table$);
{{/if}}
{{/capability}}
{{#capability distribution}}
{{#if placement = replicated}}
ALTER TABLE {{schema}}.{{table}} SET DISTRIBUTED BY (id);
{{/if}}
{{/capability}}
