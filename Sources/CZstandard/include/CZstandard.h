#ifndef ADBVEC_CZSTANDARD_H
#define ADBVEC_CZSTANDARD_H

#include <stddef.h>

/* Zstandard read by libzstd, which is opened with the first call. Its stable functions are declared by the shim, so
 * that building needs none of its headers. */

/* NULL when libzstd can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_zstandard_problem(void);

struct adbvec_zstandard;

/* NULL when there is no memory. */
struct adbvec_zstandard *adbvec_zstandard_open(void);
void adbvec_zstandard_close(struct adbvec_zstandard *reader);

/* Decompresses from `input` into `output`, and tells how much of both was used. Returns 0 where a frame ends, a positive
 * number inside one, and -1 for damaged data. */
int adbvec_zstandard_read(struct adbvec_zstandard *reader, const void *input, size_t input_size, ptrdiff_t *consumed,
                          void *output, size_t output_size, ptrdiff_t *produced);

/* What libzstd says of the last failure. */
const char *adbvec_zstandard_message(const struct adbvec_zstandard *reader);

#endif
