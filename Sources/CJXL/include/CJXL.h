#ifndef ADBVEC_CJXL_H
#define ADBVEC_CJXL_H

#include <stddef.h>
#include <stdint.h>

/* JPEG XL files in memory, read by libjxl, whose decoder is asked for one event after the other. */

/* NULL when libjxl can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_jxl_problem(void);

struct adbvec_jxl;

/* Reads up to the pixels. NULL when there is no memory. `bytes` must stay in place until the reader is closed. */
struct adbvec_jxl *adbvec_jxl_open(const void *bytes, size_t count);
void adbvec_jxl_close(struct adbvec_jxl *reader);

enum adbvec_jxl_status { ADBVEC_JXL_OK, ADBVEC_JXL_TRUNCATED, ADBVEC_JXL_DAMAGED };

/* How far reading went. */
enum adbvec_jxl_status adbvec_jxl_status(const struct adbvec_jxl *reader);

/* The size after the file's own rotation. */
uint32_t adbvec_jxl_width(const struct adbvec_jxl *reader);
uint32_t adbvec_jxl_height(const struct adbvec_jxl *reader);
int adbvec_jxl_has_alpha(const struct adbvec_jxl *reader);

/* The ICC profile of the pixels; NULL when there is none. Valid until the reader is closed. */
const uint8_t *adbvec_jxl_profile(const struct adbvec_jxl *reader, size_t *count);

/* Decodes the first frame, turned as the file says, into `width * height * channels` bytes; `channels` is 3, or 4 with alpha. */
enum adbvec_jxl_status adbvec_jxl_decode(struct adbvec_jxl *reader, int channels, uint8_t *pixels);

#endif
