#ifndef ADBVEC_CJPEG_H
#define ADBVEC_CJPEG_H

#include <stddef.h>
#include <stdint.h>

/* JPEG files in memory, read and written by libjpeg-turbo. libjpeg reports errors by longjmp, which Swift frames do not
 * survive: it is called in here alone, and every function returns. */

/* NULL when libjpeg can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_jpeg_problem(void);

struct adbvec_jpeg;

struct adbvec_jpeg_header {
  /* The size after scaling. */
  uint32_t width;
  uint32_t height;
  /* Samples of a pixel in the rows: red, green, blue; or four inks. */
  int channels;
};

/* `bytes` must stay in place until the reader is closed. NULL when there is no memory. */
struct adbvec_jpeg *adbvec_jpeg_open(const void *bytes, size_t count);
void adbvec_jpeg_close(struct adbvec_jpeg *reader);

/* Reads up to the pixels, which are scaled to 1/denominator (1, 2, 4 or 8, sides rounded up) by transforming smaller
 * blocks. Where means are allowed, an eighth is read without libjpeg as long as the file is regular (block_means.h): the pixels are
 * the same. 0, or -1 where the file is damaged. */
int adbvec_jpeg_start(struct adbvec_jpeg *reader, int denominator, int allows_means, struct adbvec_jpeg_header *header);

/* Whether the rows up to here were read without libjpeg. */
int adbvec_jpeg_uses_means(const struct adbvec_jpeg *reader);

/* Reads the next rows, `width * channels` bytes each, one behind the other; goes past them where `rows` is NULL. 0 or -1. */
int adbvec_jpeg_read_rows(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count);

/* Reads what is left of the file behind the last row. 0 or -1. */
int adbvec_jpeg_finish(struct adbvec_jpeg *reader);

/* How many times libjpeg has repaired something: a spoiled block, stray bytes, an early end. */
long adbvec_jpeg_warnings(const struct adbvec_jpeg *reader);

/* What libjpeg says of the last failure. */
const char *adbvec_jpeg_message(const struct adbvec_jpeg *reader);

/* Writes RGB as a baseline file, with colour at full resolution or halved both ways. NULL when that fails; else the file,
 * for `free`. */
uint8_t *adbvec_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, int full_colour, size_t *size);

#endif
