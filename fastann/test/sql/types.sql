-- The other element types: smallint[], float2[] and pgvector's vector(n).
SET enable_seqscan = off;
CREATE FUNCTION uses(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line LIKE '%Index Scan using%' THEN RETURN substring(line FROM 'using (\w+)'); END IF;
    END LOOP;
    RETURN 'no index';
END
$$;

-- smallint[]
CREATE TABLE shorts (id int, v smallint[]);
CREATE INDEX shorts_l2 ON shorts USING ann (v) WITH (dim = 3, distancemeasure = l2);
CREATE INDEX shorts_ip ON shorts USING ann (v) WITH (dim = 3, distancemeasure = ip);
CREATE INDEX shorts_cosine ON shorts USING ann (v) WITH (dim = 3, distancemeasure = cosine);
INSERT INTO shorts SELECT i, ARRAY[i, 100 - i, i % 10]::smallint[] FROM generate_series(1, 100) i;
INSERT INTO shorts VALUES (101, '{0,0,0}');
SELECT uses($$SELECT id FROM shorts ORDER BY v <-> '{50,50,0}' LIMIT 1$$),
       uses($$SELECT id FROM shorts ORDER BY v <#> '{50,50,0}' LIMIT 1$$),
       uses($$SELECT id FROM shorts ORDER BY v <=> '{50,50,0}' LIMIT 1$$);
SELECT id, v <-> '{50,51,0}' AS d FROM shorts ORDER BY v <-> '{50,51,0}' LIMIT 2;
SELECT id, v <#> '{1,0,0}' AS d FROM shorts ORDER BY v <#> '{1,0,0}' LIMIT 2;
SELECT id, round((v <=> '{5,5,0}')::numeric, 6) AS d FROM shorts ORDER BY v <=> '{5,5,0}' LIMIT 2;
SELECT '{-32768}'::smallint[] <-> '{32767}'::smallint[] AS extreme, l2_distance('{0,0}'::smallint[], '{3,4}'::smallint[]);
INSERT INTO shorts VALUES (102, '{1,2}');
INSERT INTO shorts VALUES (102, '{1,2,NULL}');
INSERT INTO shorts VALUES (102, '{{1,2,3}}');
SELECT '{1}'::smallint[] <-> '{1,2}'::smallint[];

-- float2[]
SELECT 1.3::float2, '65504'::float2 AS largest, 65519::real::float2 AS still, 65520::real::float2 AS infinite,
       '-1e-9'::float2::real AS nothing, '6e-8'::float2 AS smallest, 'NaN'::float2 AS nan;
SELECT '{1.3,-2}'::real[]::float2[], array_f32_to_f16('{1.3}'), array_f16_to_f32(array_f32_to_f16('{1.3}'));
SELECT 'x'::float2;
CREATE TABLE halves (id int, v float2[]);
CREATE INDEX halves_l2 ON halves USING ann (v) WITH (dim = 300, distancemeasure = l2);
CREATE INDEX halves_ip ON halves USING ann (v) WITH (dim = 300, distancemeasure = ip);
CREATE INDEX halves_cosine ON halves USING ann (v) WITH (dim = 300, distancemeasure = cosine);
INSERT INTO halves SELECT i, array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 100) i, generate_series(1, 300) j GROUP BY i;
SELECT uses('SELECT id FROM halves ORDER BY v <-> $q$' || v::text || '$q$ LIMIT 1'),
       uses('SELECT id FROM halves ORDER BY v <#> $q$' || v::text || '$q$ LIMIT 1'),
       uses('SELECT id FROM halves ORDER BY v <=> $q$' || v::text || '$q$ LIMIT 1') FROM halves WHERE id = 7;
SELECT count(*) FILTER (WHERE l2.id = q.id) AS l2, count(*) FILTER (WHERE ip.id = q.id) AS ip, count(*) FILTER (WHERE c.id = q.id) AS cosine
FROM halves q, LATERAL (SELECT id FROM halves ORDER BY v <-> q.v LIMIT 1) l2,
     LATERAL (SELECT id FROM halves ORDER BY v <#> q.v LIMIT 1) ip, LATERAL (SELECT id FROM halves ORDER BY v <=> q.v LIMIT 1) c;
SELECT max(abs((a.v <-> b.v) - (a.v::real[] <-> b.v::real[]))) < 1e-3 AS l2_agrees,
       max(abs((a.v <=> b.v) - (a.v::real[] <=> b.v::real[]))) < 1e-6 AS cosine_agrees,
       max(abs((a.v <-> b.v) - l2_squared_distance(a.v, b.v::real[]))) < 1e-3 AS mixed_agrees
FROM halves a, halves b WHERE a.id < b.id;
INSERT INTO halves VALUES (101, '{1,2}');
INSERT INTO halves VALUES (101, array_fill(70000::real, ARRAY[300]));
SELECT '{1,NaN}'::float2[] <-> '{1,2}'::float2[];

-- vector(n): pgvector's operators, of which <-> is not squared
CREATE TABLE vectors (id int, v vector(3), any_length vector);
INSERT INTO vectors SELECT i, ARRAY[i, 100 - i, i % 10]::vector, ARRAY[i, 100 - i, i % 10]::vector FROM generate_series(1, 100) i;
CREATE INDEX vectors_l2 ON vectors USING ann (v) WITH (dim = 3, distancemeasure = l2);
CREATE INDEX vectors_ip ON vectors USING ann (v) WITH (distancemeasure = ip);
CREATE INDEX vectors_cosine ON vectors USING ann (v) WITH (distancemeasure = cosine);
SELECT uses($$SELECT id FROM vectors ORDER BY v <-> '[50,50,0]' LIMIT 1$$),
       uses($$SELECT id FROM vectors ORDER BY v <#> '[50,50,0]' LIMIT 1$$),
       uses($$SELECT id FROM vectors ORDER BY v <=> '[50,50,0]' LIMIT 1$$),
       uses($$SELECT id FROM vectors ORDER BY v <+> '[50,50,0]' LIMIT 1$$);
SELECT id, v <-> '[50,53,4]' AS d FROM vectors ORDER BY v <-> '[50,53,4]' LIMIT 1;
SELECT id FROM vectors ORDER BY v <#> '[1,0,0]' LIMIT 1;
SELECT id FROM vectors ORDER BY v <=> '[5,5,0]' LIMIT 1;
CREATE INDEX ON vectors USING ann (v) WITH (dim = 4);
CREATE INDEX ON vectors USING ann (any_length);
CREATE INDEX of_any_length ON vectors USING ann (any_length) WITH (dim = 3);
INSERT INTO vectors VALUES (101, NULL, '[1,2]');
SELECT id FROM vectors ORDER BY any_length <-> '[50,50,0]' LIMIT 1;
DROP INDEX vectors_l2;
CREATE INDEX vectors_default ON vectors USING ann (v);
SELECT id FROM vectors ORDER BY v <-> '[50,50,0]' LIMIT 1;

-- a domain over real[]
CREATE DOMAIN feature AS real[] CHECK (array_length(VALUE, 1) = 2);
CREATE TABLE features (id int, v feature);
CREATE INDEX features_v ON features USING ann (v) WITH (dim = 2);
INSERT INTO features SELECT i, ARRAY[i, -i] FROM generate_series(1, 50) i;
SELECT id FROM features ORDER BY v <-> '{20,-20}'::real[] LIMIT 1;
