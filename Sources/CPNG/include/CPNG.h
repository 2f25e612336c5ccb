#ifndef ADBVEC_CPNG_H
#define ADBVEC_CPNG_H

#include <stddef.h>
#include <stdint.h>

/* PNG files in memory, read by libpng. libpng reports errors by longjmp, which Swift frames do not survive: it is called
 * in here alone, and every function returns. */

/* NULL when libpng can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_png_problem(void);

struct adbvec_png;

struct adbvec_png_header {
  uint32_t width;
  uint32_t height;
  /* Samples of a pixel in the rows: grey or red, green, blue; and alpha where it is kept. */
  int channels;
  int has_alpha;
  /* 1; or 2, big-endian, for grey of 16 bits. */
  int sample_bytes;
  int is_interlaced;
};

enum adbvec_png_status { ADBVEC_PNG_OK, ADBVEC_PNG_TRUNCATED, ADBVEC_PNG_DAMAGED };

/* `bytes` must stay in place until the reader is closed. NULL when there is no memory. */
struct adbvec_png *adbvec_png_open(const void *bytes, size_t count);
void adbvec_png_close(struct adbvec_png *reader);

/* Reads up to the pixels. Alpha is dropped unless `keeps_alpha`. */
enum adbvec_png_status adbvec_png_read_header(struct adbvec_png *reader, int keeps_alpha, struct adbvec_png_header *header);

/* Reads all rows, `width * channels * sample_bytes` bytes each, one behind the other. */
enum adbvec_png_status adbvec_png_read_rows(struct adbvec_png *reader, uint8_t *pixels);

/* Reads the next rows of a file that is not interlaced, laid out as `adbvec_png_read_rows` does. The sum behind the last row is not
 * checked, those of the chunks are. */
enum adbvec_png_status adbvec_png_read_next_rows(struct adbvec_png *reader, uint8_t *pixels, uint32_t count);

/* What libpng says of the last failure. */
const char *adbvec_png_message(const struct adbvec_png *reader);

#endif
