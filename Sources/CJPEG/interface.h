#ifndef ADBVEC_JPEG_INTERFACE_H
#define ADBVEC_JPEG_INTERFACE_H

#include "CJPEG.h"

/* The functions of CJPEG.h for one interface of libjpeg. */
struct jpeg_interface {
  const char *(*problem)(void);
  struct adbvec_jpeg *(*open)(const void *bytes, size_t count);
  void (*close)(struct adbvec_jpeg *reader);
  int (*start)(struct adbvec_jpeg *reader, int denominator, int allows_means, struct adbvec_jpeg_header *header);
  int (*uses_means)(const struct adbvec_jpeg *reader);
  int (*read_rows)(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count);
  int (*finish)(struct adbvec_jpeg *reader);
  long (*warnings)(const struct adbvec_jpeg *reader);
  const char *(*message)(const struct adbvec_jpeg *reader);
  uint8_t *(*encode)(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, int full_colour, size_t *size);
};

extern const struct jpeg_interface adbvec_jpeg_62, adbvec_jpeg_80;

#endif
