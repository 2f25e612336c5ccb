-- An index serves the operator of its distancemeasure and no other.
CREATE TABLE docs (id int PRIMARY KEY, v real[]);
INSERT INTO docs SELECT i, ARRAY[1 + sin(i), 2 + cos(i), sin(i * i)]::real[] FROM generate_series(1, 500) i;
SET enable_seqscan = off;

CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        -- which only PostgreSQL 18 prints
        IF line NOT LIKE '%Disabled: true' THEN RETURN NEXT line; END IF;
    END LOOP;
END
$$;
CREATE FUNCTION served(operator text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(substring(line FROM 'Index Scan using \w+'), ','), 'no index')
    FROM plan(format('SELECT id FROM docs ORDER BY v %s ''{1,2,3}'' LIMIT 3', operator)) AS line
    WHERE line LIKE '%Index Scan using%'
$$;
-- how many of the 10 nearest by sorting are found by any plan
CREATE FUNCTION agreement(operator text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (SELECT id FROM docs ORDER BY v %1$s ''{1,2,3}'' LIMIT 10) a
        JOIN (SELECT id FROM docs ORDER BY (v %1$s ''{1,2,3}'') + 0 LIMIT 10) b USING (id)', operator) INTO n;
    RETURN n;
END
$$;

CREATE INDEX by_l2 ON docs USING ann (v) WITH (dim = 3, distancemeasure = l2);
SELECT op, served(op), agreement(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;
DROP INDEX by_l2;
CREATE INDEX by_ip ON docs USING ann (v) WITH (dim = 3, distancemeasure = ip);
SELECT op, served(op), agreement(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;
DROP INDEX by_ip;
CREATE INDEX by_cosine ON docs USING ann (v) WITH (dim = 3, distancemeasure = cosine);
SELECT op, served(op), agreement(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;

-- however much the other plans are discouraged
SET enable_sort = off;
SET enable_incremental_sort = off;
SET enable_bitmapscan = off;
SET enable_material = off;
SELECT op, served(op), agreement(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;
RESET enable_sort;
RESET enable_incremental_sort;
RESET enable_bitmapscan;
RESET enable_material;

-- all three beside each other
CREATE INDEX by_ip ON docs USING ann (v) WITH (dim = 3, distancemeasure = ip);
CREATE INDEX by_l2 ON docs USING ann (v) WITH (dim = 3, distancemeasure = l2);
SELECT op, served(op), agreement(op) FROM unnest(ARRAY['<->', '<#>', '<=>']) AS op;

-- whole plans
SELECT plan($$SELECT id FROM docs ORDER BY v <-> '{1,2,3}' LIMIT 3$$);
SELECT plan($$SELECT id FROM docs WHERE id % 2 = 0 ORDER BY v <#> '{1,2,3}'::real[] LIMIT 3$$);
SELECT plan($$SELECT id, 1.0 - (v <=> ARRAY[1,2,3]::real[]) AS score FROM docs ORDER BY v <=> ARRAY[1,2,3]::real[] LIMIT 3$$);

-- shapes that cannot use it: a function, descending order, no ORDER BY, a second sort key
SELECT plan($$SELECT id FROM docs ORDER BY l2_squared_distance(v, '{1,2,3}') LIMIT 3$$);
SELECT plan($$SELECT id FROM docs ORDER BY v <-> '{1,2,3}' DESC LIMIT 3$$);
SELECT plan($$SELECT count(*) FROM docs WHERE v <-> '{1,2,3}' < 1$$);

-- the measure cannot change under an index that was built
DROP INDEX by_ip, by_cosine;
ALTER INDEX by_l2 SET (distancemeasure = ip);
SELECT served('<#>');
SELECT id FROM docs ORDER BY v <#> '{1,2,3}' LIMIT 3;
INSERT INTO docs VALUES (1000, '{1,2,3}');
REINDEX INDEX by_l2;
SELECT served('<#>'), agreement('<#>'), served('<->'), agreement('<->');
ALTER INDEX by_l2 SET (dim = 4);
SELECT id FROM docs ORDER BY v <#> '{1,2,3}' LIMIT 3;
ALTER INDEX by_l2 SET (dim = 3);
SELECT agreement('<#>');
