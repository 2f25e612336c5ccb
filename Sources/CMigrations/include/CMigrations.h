#ifndef CMIGRATIONS_H
#define CMIGRATIONS_H

#include <stddef.h>

/// One file of the folder `migrations`, as it was when the program was built.
struct adbvec_file {
  /// The path in the folder: `pgvector/0001_create_image_search.sql`.
  const char *path;
  const unsigned char *bytes;
  size_t count;
};

const struct adbvec_file *adbvec_migrations(void);
size_t adbvec_migrations_count(void);

#endif
