-- migrate:up
CREATE TABLE {{schema}}.{{table}} (
  id INTEGER NOT NULL,
  class TEXT,
  image_vector REAL[],
  PRIMARY KEY(id)
){{#capability distribution}} DISTRIBUTED BY(id){{/capability}};

-- migrate:down
DROP TABLE {{schema}}.{{table}};
