#include "CZstandard.h"

#include <stdlib.h>

#include "lazy_library.h"

/* The part of zstd.h that is used: stable since version 1.0. */
typedef struct ZSTD_DCtx_s ZSTD_DStream;
typedef struct {
  const void *src;
  size_t size;
  size_t pos;
} ZSTD_inBuffer;
typedef struct {
  void *dst;
  size_t size;
  size_t pos;
} ZSTD_outBuffer;
ZSTD_DStream *ZSTD_createDStream(void);
size_t ZSTD_freeDStream(ZSTD_DStream *stream);
size_t ZSTD_decompressStream(ZSTD_DStream *stream, ZSTD_outBuffer *output, ZSTD_inBuffer *input);
unsigned ZSTD_isError(size_t code);
const char *ZSTD_getErrorName(size_t code);

static struct lazy_library library = LAZY_LIBRARY("libzstd.so.1", "libzstd1",
                 "ZSTD_createDStream",
                 "ZSTD_freeDStream",
                 "ZSTD_decompressStream",
                 "ZSTD_isError",
                 "ZSTD_getErrorName");

struct adbvec_zstandard {
  ZSTD_DStream *stream;
  const char *message;
  __typeof__(&ZSTD_decompressStream) decompress;
  __typeof__(&ZSTD_isError) is_error;
  __typeof__(&ZSTD_getErrorName) error_name;
};

const char *adbvec_zstandard_problem(void) { return lazy_library_problem(&library); }

struct adbvec_zstandard *adbvec_zstandard_open(void) {
  __typeof__(&ZSTD_createDStream) create = (__typeof__(&ZSTD_createDStream))lazy_library_function(&library, "ZSTD_createDStream");
  struct adbvec_zstandard *reader = create ? calloc(1, sizeof *reader) : NULL;
  if (!reader) return NULL;
  reader->message = "";
  reader->decompress = (__typeof__(&ZSTD_decompressStream))lazy_library_function(&library, "ZSTD_decompressStream");
  reader->is_error = (__typeof__(&ZSTD_isError))lazy_library_function(&library, "ZSTD_isError");
  reader->error_name = (__typeof__(&ZSTD_getErrorName))lazy_library_function(&library, "ZSTD_getErrorName");
  /* By default a frame that asks for a window of more than 128 MB is refused. */
  reader->stream = create();
  if (!reader->stream) {
    free(reader);
    return NULL;
  }
  return reader;
}

void adbvec_zstandard_close(struct adbvec_zstandard *reader) {
  __typeof__(&ZSTD_freeDStream) release = (__typeof__(&ZSTD_freeDStream))lazy_library_function(&library, "ZSTD_freeDStream");
  if (release) release(reader->stream);
  free(reader);
}

int adbvec_zstandard_read(struct adbvec_zstandard *reader, const void *input, size_t input_size, ptrdiff_t *consumed,
                          void *output, size_t output_size, ptrdiff_t *produced) {
  ZSTD_inBuffer from = {input, input_size, 0};
  ZSTD_outBuffer to = {output, output_size, 0};
  size_t rest = reader->decompress(reader->stream, &to, &from);
  *consumed = (ptrdiff_t)from.pos;
  *produced = (ptrdiff_t)to.pos;
  if (reader->is_error(rest)) {
    reader->message = reader->error_name(rest);
    return -1;
  }
  return rest > 0;
}

const char *adbvec_zstandard_message(const struct adbvec_zstandard *reader) { return reader->message; }
