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

-- float2: half precision

CREATE TYPE float2;
CREATE FUNCTION float2_in(cstring) RETURNS float2
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION float2_out(float2) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION float2_recv(internal) RETURNS float2
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION float2_send(float2) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE TYPE float2 (
    INPUT = float2_in, OUTPUT = float2_out, RECEIVE = float2_recv, SEND = float2_send,
    INTERNALLENGTH = 2, PASSEDBYVALUE, ALIGNMENT = int2, STORAGE = plain, CATEGORY = 'N'
);
COMMENT ON TYPE float2 IS 'half-precision floating-point number, 2-byte storage';

CREATE FUNCTION float2(real) RETURNS float2
    AS 'MODULE_PATHNAME', 'float2_from_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION float4(float2) RETURNS real
    AS 'MODULE_PATHNAME', 'float2_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION float2(double precision) RETURNS float2
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN float2($1::real);
CREATE FUNCTION float2(numeric) RETURNS float2
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN float2($1::real);
CREATE FUNCTION float2(integer) RETURNS float2
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN float2($1::real);

CREATE CAST (float2 AS real) WITH FUNCTION float4(float2) AS IMPLICIT;
CREATE CAST (real AS float2) WITH FUNCTION float2(real) AS ASSIGNMENT;
CREATE CAST (double precision AS float2) WITH FUNCTION float2(double precision) AS ASSIGNMENT;
CREATE CAST (numeric AS float2) WITH FUNCTION float2(numeric) AS ASSIGNMENT;
CREATE CAST (integer AS float2) WITH FUNCTION float2(integer) AS ASSIGNMENT;

CREATE FUNCTION array_f32_to_f16(real[]) RETURNS float2[]
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::float2[];
CREATE FUNCTION array_f16_to_f32(float2[]) RETURNS real[]
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN $1::real[];

-- smallint[] and float2[] have operators of their own, so that an index can serve them;
-- the functions above take them as real[], to which they convert by themselves

CREATE FUNCTION ann_half_l2_squared_distance(float2[], float2[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_half_negative_inner_product_distance(float2[], float2[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_half_cosine_distance(float2[], float2[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

CREATE OPERATOR <-> (
    LEFTARG = float2[], RIGHTARG = float2[], FUNCTION = ann_half_l2_squared_distance, COMMUTATOR = <->
);
CREATE OPERATOR <#> (
    LEFTARG = float2[], RIGHTARG = float2[], FUNCTION = ann_half_negative_inner_product_distance, COMMUTATOR = <#>
);
CREATE OPERATOR <=> (
    LEFTARG = float2[], RIGHTARG = float2[], FUNCTION = ann_half_cosine_distance, COMMUTATOR = <=>
);

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

CREATE FUNCTION ann_half_norm(float2[]) RETURNS float8
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
CREATE FUNCTION ann_half_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE OPERATOR CLASS ann_float2_ops DEFAULT FOR TYPE float2[] USING ann AS
    OPERATOR 1 <-> (float2[], float2[]) FOR ORDER BY float_ops,
    OPERATOR 2 <#> (float2[], float2[]) FOR ORDER BY float_ops,
    OPERATOR 3 <=> (float2[], float2[]) FOR ORDER BY float_ops,
    FUNCTION 3 ann_half_support(internal),
    FUNCTION 4 ann_half_l2_squared_distance(float2[], float2[]),
    FUNCTION 5 ann_half_negative_inner_product_distance(float2[], float2[]),
    FUNCTION 6 ann_half_cosine_distance(float2[], float2[]),
    FUNCTION 7 ann_half_norm(float2[]);

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
