-- migrate:up
CREATE INDEX {{index}} ON {{schema}}.{{table}} USING ann (image_vector)
  WITH (dim = '{{dim}}', hnsw_m = '{{hnsw_m}}', pq_enable = '{{pq_enable}}'{{#if hnsw_ef_construction}}, hnsw_ef_construction = '{{hnsw_ef_construction}}'{{/if}}{{#if distance != l2}}, distancemeasure = '{{distance}}'{{/if}});

-- migrate:down
DROP INDEX {{schema}}.{{index}};
