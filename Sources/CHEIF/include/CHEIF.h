#ifndef ADBVEC_CHEIF_H
#define ADBVEC_CHEIF_H

#include <stddef.h>
#include <stdint.h>

/* HEIC and AVIF files in memory, read by libheif, whose functions return structures of errors. */

/* NULL when libheif can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_heif_problem(void);

struct adbvec_heif;

/* Reads up to the pixels of the primary image. NULL when there is no memory; a damaged file has a message. `bytes` must
 * stay in place until the reader is closed. */
struct adbvec_heif *adbvec_heif_open(const void *bytes, size_t count);
void adbvec_heif_close(struct adbvec_heif *reader);

/* What is wrong; NULL for nothing. */
const char *adbvec_heif_message(const struct adbvec_heif *reader);

/* The size after the file's own rotation and clipping. */
int adbvec_heif_width(const struct adbvec_heif *reader);
int adbvec_heif_height(const struct adbvec_heif *reader);
int adbvec_heif_has_alpha(const struct adbvec_heif *reader);

/* Decodes the image, turned and clipped as the file says: `channels` (3, or 4 with alpha) bytes a pixel, rows `stride` bytes
 * apart. NULL when that fails, or when the image has another size than its header says. Valid until the reader is closed. */
const uint8_t *adbvec_heif_decode(struct adbvec_heif *reader, int channels, size_t *stride);

/* The length of the image's ICC profile, 0 when there is none; and the profile, 0 or -1. */
size_t adbvec_heif_profile_size(const struct adbvec_heif *reader);
int adbvec_heif_read_profile(const struct adbvec_heif *reader, uint8_t *profile);

/* Whether the file names Display P3 with sRGB's curve by numbers, in place of a profile. */
int adbvec_heif_is_display_p3(const struct adbvec_heif *reader);

#endif
