// The migrations, so that the installed program works without the repository. Package resources cannot hold them: two
// dialects have files of the same name.
#include "CMigrations.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

#define FILES(X)                                        \
  X(parameters, "parameters.yaml")                      \
  X(a1, "analyticdb/0001_create_image_search.sql")      \
  X(a2, "analyticdb/0002_store_vectors_plain.sql")      \
  X(a3, "analyticdb/0003_index_image_vector.sql")       \
  X(a4, "analyticdb/0004_add_source.sql")               \
  X(a5, "analyticdb/0005_identify_images.sql")          \
  X(a6, "analyticdb/0006_choose_id_type.sql")           \
  X(p1, "pgvector/0001_create_image_search.sql")        \
  X(p2, "pgvector/0002_store_vectors_plain.sql")        \
  X(p3, "pgvector/0003_index_image_vector.sql")         \
  X(p4, "pgvector/0004_add_source.sql")                 \
  X(p5, "pgvector/0005_place_table.sql")                \
  X(p6, "pgvector/0006_identify_images.sql")            \
  X(p7, "pgvector/0007_choose_id_type.sql")

static const unsigned char parameters[] = {
#embed "../../migrations/parameters.yaml"
};
static const unsigned char a1[] = {
#embed "../../migrations/analyticdb/0001_create_image_search.sql"
};
static const unsigned char a2[] = {
#embed "../../migrations/analyticdb/0002_store_vectors_plain.sql"
};
static const unsigned char a3[] = {
#embed "../../migrations/analyticdb/0003_index_image_vector.sql"
};
static const unsigned char a4[] = {
#embed "../../migrations/analyticdb/0004_add_source.sql"
};
static const unsigned char a5[] = {
#embed "../../migrations/analyticdb/0005_identify_images.sql"
};
static const unsigned char a6[] = {
#embed "../../migrations/analyticdb/0006_choose_id_type.sql"
};
static const unsigned char p1[] = {
#embed "../../migrations/pgvector/0001_create_image_search.sql"
};
static const unsigned char p2[] = {
#embed "../../migrations/pgvector/0002_store_vectors_plain.sql"
};
static const unsigned char p3[] = {
#embed "../../migrations/pgvector/0003_index_image_vector.sql"
};
static const unsigned char p4[] = {
#embed "../../migrations/pgvector/0004_add_source.sql"
};
static const unsigned char p5[] = {
#embed "../../migrations/pgvector/0005_place_table.sql"
};
static const unsigned char p6[] = {
#embed "../../migrations/pgvector/0006_identify_images.sql"
};
static const unsigned char p7[] = {
#embed "../../migrations/pgvector/0007_choose_id_type.sql"
};

#define ENTRY(name, path) {path, name, sizeof name},
static const struct adbvec_file files[] = {FILES(ENTRY)};

const struct adbvec_file *adbvec_migrations(void) { return files; }
size_t adbvec_migrations_count(void) { return sizeof files / sizeof files[0]; }
