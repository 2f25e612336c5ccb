-- Distance functions, operators and what they refuse.
SET extra_float_digits = 0;

SELECT l2_distance('{0,0}'::real[], '{3,4}'::real[]) AS root,
       l2_squared_distance('{0,0}'::real[], '{3,4}'::real[]) AS squared,
       '{0,0}'::real[] <-> '{3,4}'::real[] AS "<->";
SELECT inner_product_distance('{1,2}'::real[], '{3,4}'::real[]) AS ip,
       negative_inner_product_distance('{1,2}'::real[], '{3,4}'::real[]) AS negative,
       dp_distance('{1,2}'::real[], '{3,4}'::real[]) AS dp,
       '{1,2}'::real[] <#> '{3,4}'::real[] AS "<#>";
SELECT cosine_similarity('{1,1}'::real[], '{1,0}'::real[]) AS similarity,
       cosine_distance('{1,1}'::real[], '{1,0}'::real[]) AS distance,
       '{1,1}'::real[] <=> '{1,0}'::real[] AS "<=>",
       '{1,2}'::real[] <=> '{-2,-4}'::real[] AS opposite;
SELECT hm_distance('{1,2,3}'::real[], '{1,5,6}'::real[]) AS differing;

-- the loops: a whole number of blocks and every remainder agree with plain SQL
SELECT count(*) FILTER (WHERE abs((a <-> b) - l2) > 1e-3) AS l2_wrong,
       count(*) FILTER (WHERE abs((a <#> b) + ip) > 1e-3) AS ip_wrong,
       count(*) FILTER (WHERE abs((a <=> b) - (1 - ip / sqrt(aa) / sqrt(bb))) > 1e-6) AS cosine_wrong,
       count(*) AS lengths
FROM generate_series(1, 70) n,
     LATERAL (SELECT array_agg(sin(i)::real ORDER BY i) AS a, array_agg(cos(i * i)::real ORDER BY i) AS b,
                     sum((sin(i) - cos(i * i)) ^ 2) AS l2, sum(sin(i) * cos(i * i)) AS ip,
                     sum(sin(i) ^ 2) AS aa, sum(cos(i * i) ^ 2) AS bb
              FROM generate_series(1, n) i) AS v;

-- large and small values that single precision cannot square
SELECT '{3e38,0}'::real[] <-> '{-3e38,0}'::real[] AS far,
       '{1e30,1e30}'::real[] <#> '{1e30,1e30}'::real[] AS large,
       '{1e-30,0}'::real[] <=> '{1e-30,1e-30}'::real[] AS small,
       '{3e38,1}'::real[] <=> '{3e38,1}'::real[] AS same;

-- a vector of zeros has no direction
SELECT '{0,0}'::real[] <=> '{1,2}'::real[] AS distance, cosine_similarity('{0,0}', '{1,2}'::real[]) AS similarity;

-- literals and their types
SELECT '{0,0}'::real[] <-> '{3,4}' AS untyped, '{0,0}'::real[] <-> ARRAY[3,4] AS integers,
       '{0,0}'::real[] <-> ARRAY[3.0,4.0] AS numerics, '{0,0}'::float4[] <-> ARRAY[3,4]::float4[] AS float4;
SELECT '{0,0}'::real[] <-> ARRAY[3,4]::float8[];
SELECT '{0,0}'::real[] <-> NULL AS "null";
SELECT '[0:1]={0,0}'::real[] <-> '[5:6]={3,4}'::real[] AS other_bounds;

-- what is not a vector
SELECT '{1,2}'::real[] <-> '{1,2,3}'::real[];
SELECT '{1,2}'::real[] <#> '{1}'::real[];
SELECT '{1,2}'::real[] <=> '{1,2,3}'::real[];
SELECT '{}'::real[] <-> '{}'::real[];
SELECT '{1,NULL}'::real[] <-> '{1,2}'::real[];
SELECT '{1,2}'::real[] <-> '{NULL,2}'::real[];
SELECT '{{1,2},{3,4}}'::real[] <-> '{{1,2},{3,4}}'::real[];
SELECT '{1,NaN}'::real[] <-> '{1,2}'::real[];
SELECT '{1,2}'::real[] <#> '{Infinity,2}'::real[];
SELECT '{1,2}'::real[] <=> '{1,-Infinity}'::real[];
SELECT hm_distance('{1,NaN}'::real[], '{1,2}'::real[]);

-- a null bitmap without nulls is a vector
WITH v AS (SELECT array_remove('{1,2,NULL}'::real[], NULL) AS v)
SELECT v <-> '{1,2}'::real[] AS distance FROM v;
WITH v AS (SELECT ('{1,NULL,3}'::real[])[1:1] AS v) SELECT v <-> '{4}'::real[] AS distance FROM v;

-- toasted, compressed, short and expanded values
CREATE TABLE stored (id int, v real[]);
ALTER TABLE stored ALTER COLUMN v SET STORAGE EXTERNAL;
INSERT INTO stored SELECT 1, array_agg(i::real) FROM generate_series(1, 5000) i;
ALTER TABLE stored ALTER COLUMN v SET STORAGE EXTENDED;
INSERT INTO stored SELECT 2, array_fill(1::real, ARRAY[5000]);
INSERT INTO stored VALUES (3, '{1,2,3}');
SELECT a.id, a.v <-> b.v AS distance FROM stored a JOIN stored b USING (id) ORDER BY id;
SELECT a.v <-> b.v AS distance FROM stored a, stored b WHERE a.id = 1 AND b.id = 2;
DO $$
DECLARE
    v real[] := '{1,2,3}';
BEGIN
    v[2] := 5;
    RAISE NOTICE 'expanded: %', v <-> '{1,2,3}'::real[];
END
$$;

-- the operators commute and are safe in parallel queries
SELECT oprname, oprcom = pg_operator.oid AS commutes, provolatile, proparallel
FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode
WHERE oprleft = 'real[]'::regtype AND oprname IN ('<->', '<#>', '<=>') ORDER BY oprname;
SELECT opcname, amvalidate(oid) FROM pg_opclass
WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'ann') ORDER BY opcname;
