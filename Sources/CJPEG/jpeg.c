#include <stdatomic.h>

#include "interface.h"

/* The interface that this machine has; set before any other function is called. */
static const struct jpeg_interface *_Atomic chosen;

const char *adbvec_jpeg_problem(void) {
  if (chosen) return NULL;
  const char *problem = adbvec_jpeg_62.problem();
  if (!problem) {
    chosen = &adbvec_jpeg_62;
  } else if (!adbvec_jpeg_80.problem()) {
    chosen = &adbvec_jpeg_80;
  }
  return chosen ? NULL : problem;
}

struct adbvec_jpeg *adbvec_jpeg_open(const void *bytes, size_t count) { return chosen->open(bytes, count); }

void adbvec_jpeg_close(struct adbvec_jpeg *reader) { chosen->close(reader); }

int adbvec_jpeg_start(struct adbvec_jpeg *reader, int denominator, int allows_means, struct adbvec_jpeg_header *header) {
  return chosen->start(reader, denominator, allows_means, header);
}

int adbvec_jpeg_uses_means(const struct adbvec_jpeg *reader) { return chosen->uses_means(reader); }

int adbvec_jpeg_read_rows(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count) {
  return chosen->read_rows(reader, rows, count);
}

int adbvec_jpeg_finish(struct adbvec_jpeg *reader) { return chosen->finish(reader); }

long adbvec_jpeg_warnings(const struct adbvec_jpeg *reader) { return chosen->warnings(reader); }

const char *adbvec_jpeg_message(const struct adbvec_jpeg *reader) { return chosen->message(reader); }

uint8_t *adbvec_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, int full_colour,
                            size_t *size) {
  return chosen->encode(rgb, width, height, quality, full_colour, size);
}
