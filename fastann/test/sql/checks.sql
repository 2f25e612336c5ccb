-- What an index refuses, at insert and at build, and what it leaves out.
CREATE TABLE docs (id int PRIMARY KEY, v real[]);
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
SET enable_seqscan = off;

INSERT INTO docs VALUES (1, '{1,2}');
INSERT INTO docs VALUES (1, '{1,2,3,4}');
INSERT INTO docs VALUES (1, '{}');
INSERT INTO docs VALUES (1, '{1,NULL,3}');
INSERT INTO docs VALUES (1, '{1,2,NaN}');
INSERT INTO docs VALUES (1, '{1,-Infinity,3}');
INSERT INTO docs VALUES (1, '{{1,2,3}}');
INSERT INTO docs VALUES (1, '{1,2,3}'), (2, '{1,2,3e39}');
SELECT count(*) FROM docs;
COPY docs FROM STDIN WITH (DELIMITER '|');
1|{1,2,3}
2|{1,2}
\.
SELECT count(*) FROM docs;

-- null vectors are rows, but not in the index
INSERT INTO docs VALUES (1, '{1,2,3}'), (2, NULL), (3, '{3,2,1}'), (4, '[0:2]={0,0,0}');
SELECT id FROM docs ORDER BY v <-> '{3,2,2}' LIMIT 5;
UPDATE docs SET v = '{9,9}' WHERE id = 1;
UPDATE docs SET v = '{9,9,9}' WHERE id = 1;
SELECT id FROM docs ORDER BY v <-> '{9,9,9}' LIMIT 1;

-- searches
SELECT id FROM docs ORDER BY v <-> '{1,2}' LIMIT 1;
SELECT id FROM docs ORDER BY v <-> '{1,2,NULL}' LIMIT 1;
SELECT id FROM docs ORDER BY v <-> '{1,2,NaN}' LIMIT 1;
SELECT id FROM docs ORDER BY v <-> '{{1,2,3}}' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM docs ORDER BY v <-> NULL LIMIT 2) s;
TRUNCATE docs;
SELECT id FROM docs ORDER BY v <-> '{1,2,3}' LIMIT 1;
SELECT id FROM docs ORDER BY v <-> '{1,2}' LIMIT 1;

-- a build looks at every row
DROP INDEX docs_v;
INSERT INTO docs SELECT i, ARRAY[i, i, i] FROM generate_series(1, 100) i;
INSERT INTO docs VALUES (101, '{1,2}');
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
UPDATE docs SET v = '{1,NULL,3}' WHERE id = 101;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
UPDATE docs SET v = '{1,NaN,3}' WHERE id = 101;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
UPDATE docs SET v = '{{1,2,3}}' WHERE id = 101;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
UPDATE docs SET v = '{}' WHERE id = 101;
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
UPDATE docs SET v = NULL WHERE id = 101;
-- all rows of one length, but not of this one
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 4);
CREATE INDEX docs_v ON docs USING ann (v) WITH (dim = 3);
-- after an error nothing is left behind
INSERT INTO docs VALUES (102, '{1,2,3}');
SELECT id FROM docs ORDER BY v <-> '{1,2,3}' LIMIT 1;

-- under COSINE a vector of zeros is not in the index, as with pgvector
CREATE TABLE directions (id int, v real[]);
CREATE INDEX ON directions USING ann (v) WITH (dim = 2, distancemeasure = cosine);
INSERT INTO directions VALUES (1, '{0,0}'), (2, '{1,0}'), (3, '{1,1}'), (4, '{2e-30,-1e-30}');
SELECT id FROM directions ORDER BY v <=> '{2,1}' LIMIT 5;
SELECT id FROM directions ORDER BY (v <=> '{2,1}') + 0, id LIMIT 5;
SELECT count(*) FROM (SELECT id FROM directions ORDER BY v <=> '{0,0}' LIMIT 5) s;

-- the row must fit the page where the column is PLAIN, the vector where it is not
CREATE TABLE wide (id bigint, v real[]);
ALTER TABLE wide ALTER COLUMN v SET STORAGE PLAIN;
INSERT INTO wide SELECT 1, array_fill(1::real, ARRAY[2024]);
INSERT INTO wide SELECT 1, array_fill(1::real, ARRAY[2030]);
CREATE TABLE toasted (id bigint, v real[]);
ALTER TABLE toasted ALTER COLUMN v SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT i, array_fill(i::real, ARRAY[2000]) FROM generate_series(1, 20) i;
CREATE INDEX ON toasted USING ann (v) WITH (dim = 2000, hnsw_m = 100);
INSERT INTO toasted SELECT i, array_fill(i::real, ARRAY[2000]) FROM generate_series(21, 40) i;
SELECT id FROM toasted ORDER BY v <-> array_fill(30.25::real, ARRAY[2000]) LIMIT 3;
SELECT id FROM toasted ORDER BY v <-> (SELECT v FROM toasted WHERE id = 12) LIMIT 1;
