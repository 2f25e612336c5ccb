-- fastann--1.0.sql: AnalyticDB's vector surface on PostgreSQL with pgvector
\echo Use "CREATE EXTENSION fastann" to load this file. \quit

DO $$
DECLARE
    found text := (SELECT extversion FROM pg_extension WHERE extname = 'vector');
BEGIN
    IF found NOT LIKE '0.8.%' THEN
        RAISE EXCEPTION 'the fastann sandbox is carried by pgvector 0.8.x, not %', found
            USING ERRCODE = 'feature_not_supported';
    END IF;
END
$$;

CREATE FUNCTION fastann_sandbox_version() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION fastann_sandbox_version() IS
    'version of the development stand-in; AnalyticDB does not have this function';

-- distances between real[] vectors

CREATE FUNCTION l2_squared_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION l2_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION inner_product_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_inner_product_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION negative_inner_product_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_negative_inner_product_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION cosine_similarity(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_cosine_similarity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION cosine_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION dp_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_inner_product_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE FUNCTION hm_distance(real[], real[]) RETURNS float8
    AS 'MODULE_PATHNAME', 'ann_hm_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE OPERATOR <-> (
    LEFTARG = real[], RIGHTARG = real[], FUNCTION = l2_squared_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = real[], RIGHTARG = real[], FUNCTION = negative_inner_product_distance, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = real[], RIGHTARG = real[], FUNCTION = cosine_distance, COMMUTATOR = <=>
);
COMMENT ON OPERATOR <-> (real[], real[]) IS 'squared Euclidean distance';
COMMENT ON OPERATOR <#> (real[], real[]) IS 'negative inner product';
COMMENT ON OPERATOR <=> (real[], real[]) IS 'cosine distance';

-- smallint[] has operators of its own, so that an index can serve them; the functions
-- above take it as real[], to which it converts by itself

CREATE FUNCTION ann_short_l2_squared_distance(smallint[], smallint[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_short_negative_inner_product_distance(smallint[], smallint[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_short_cosine_distance(smallint[], smallint[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE OPERATOR <-> (
    LEFTARG = smallint[], RIGHTARG = smallint[], FUNCTION = ann_short_l2_squared_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = smallint[], RIGHTARG = smallint[], FUNCTION = ann_short_negative_inner_product_distance, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = smallint[], RIGHTARG = smallint[], FUNCTION = ann_short_cosine_distance, COMMUTATOR = <=>
);

-- the access method

CREATE FUNCTION ann_handler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE ACCESS METHOD ann TYPE INDEX HANDLER ann_handler;
COMMENT ON ACCESS METHOD ann IS 'HNSW vector index with the options of AnalyticDB, carried by pgvector';

CREATE FUNCTION ann_norm(real[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_real_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS ann_real_ops DEFAULT FOR TYPE real[] USING ann AS
    OPERATOR 1 <-> (real[], real[]) FOR ORDER BY float_ops,
    OPERATOR 2 <#> (real[], real[]) FOR ORDER BY float_ops,
    OPERATOR 3 <=> (real[], real[]) FOR ORDER BY float_ops,
    FUNCTION 3 ann_real_support(internal),
    FUNCTION 4 l2_squared_distance(real[], real[]),
    FUNCTION 5 negative_inner_product_distance(real[], real[]),
    FUNCTION 6 negative_inner_product_distance(real[], real[]),
    FUNCTION 7 ann_norm(real[]);

CREATE FUNCTION ann_short_norm(smallint[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_short_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS ann_smallint_ops DEFAULT FOR TYPE smallint[] USING ann AS
    OPERATOR 1 <-> (smallint[], smallint[]) FOR ORDER BY float_ops,
    OPERATOR 2 <#> (smallint[], smallint[]) FOR ORDER BY float_ops,
    OPERATOR 3 <=> (smallint[], smallint[]) FOR ORDER BY float_ops,
    FUNCTION 3 ann_short_support(internal),
    FUNCTION 4 ann_short_l2_squared_distance(smallint[], smallint[]),
    FUNCTION 5 ann_short_negative_inner_product_distance(smallint[], smallint[]),
    FUNCTION 6 ann_short_cosine_distance(smallint[], smallint[]),
    FUNCTION 7 ann_short_norm(smallint[]);

-- pgvector's type, with pgvector's operators: its <-> is the Euclidean distance itself

CREATE FUNCTION ann_vector_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS ann_vector_ops DEFAULT FOR TYPE vector USING ann AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 2 <#> (vector, vector) FOR ORDER BY float_ops,
    OPERATOR 3 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 3 ann_vector_support(internal),
    FUNCTION 4 vector_l2_squared_distance(vector, vector),
    FUNCTION 5 vector_negative_inner_product(vector, vector),
    FUNCTION 6 vector_negative_inner_product(vector, vector),
    FUNCTION 7 vector_norm(vector);
