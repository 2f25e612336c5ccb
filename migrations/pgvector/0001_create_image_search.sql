-- migrate:up
CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE {{schema}}.{{table}} (
  id integer NOT NULL,
  class text,
  image_vector {{#if dim > 2000}}halfvec{{else}}vector{{/if}}({{dim}}),
  PRIMARY KEY (id)
){{#capability distribution}} DISTRIBUTED BY (id){{/capability}};

-- migrate:down
-- The extension stays: other tables may use it.
DROP TABLE {{schema}}.{{table}};
