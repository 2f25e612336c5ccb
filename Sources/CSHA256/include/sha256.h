#ifndef ADBVEC_SHA256_H
#define ADBVEC_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) of a stream of bytes. */
struct adbvec_sha256 {
  uint32_t state[8];
  /* Bytes taken so far; count % 64 of them wait in `block`. */
  uint64_t count;
  uint8_t block[64];
};

void adbvec_sha256_init(struct adbvec_sha256 *hash);
void adbvec_sha256_update(struct adbvec_sha256 *hash, const void *bytes, size_t count);

/* Writes the digest of everything taken; `hash` must be initialised anew before it is used again. */
void adbvec_sha256_final(struct adbvec_sha256 *hash, uint8_t digest[32]);

/* Whether the processor's own SHA instructions are used. `adbvec_sha256_use_portable(1)` turns them off, for tests. */
int adbvec_sha256_is_accelerated(void);
void adbvec_sha256_use_portable(int portable);

#endif
