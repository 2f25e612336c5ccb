-- lint:ignore D001 the table is as new as the index: nobody writes to it yet
-- migrate:up
CREATE INDEX {{index}} ON {{schema}}.{{table}}
  USING hnsw (image_vector {{#if dim > 2000}}halfvec{{else}}vector{{/if}}_{{distance}}_ops)
  WITH (m = {{hnsw_m}}, ef_construction = {{hnsw_ef_construction}});

-- migrate:down
DROP INDEX {{schema}}.{{index}};
