#ifndef ADBVEC_CLCMS_H
#define ADBVEC_CLCMS_H

#include <stddef.h>
#include <stdint.h>

/* Colours from an RGB profile to sRGB, by Little CMS. */

/* NULL when Little CMS can be used; else one line that says why not. The other functions are only called after that. */
const char *adbvec_lcms_problem(void);

struct adbvec_lcms_transform;

/* A way from an ICC profile to sRGB, with the perceptual intent as Pillow has it. NULL for a profile that is damaged, or is not
 * one of RGB. */
struct adbvec_lcms_transform *adbvec_lcms_open(const void *profile, size_t count);

/* From the primaries of Display P3 (SMPTE EG 432-1, white D65) with sRGB's curve. NULL when there is no memory. */
struct adbvec_lcms_transform *adbvec_lcms_display_p3(void);

void adbvec_lcms_close(struct adbvec_lcms_transform *transform);

/* Converts a number of pixels of three bytes, in place. Several threads may use one transform. */
void adbvec_lcms_convert(const struct adbvec_lcms_transform *transform, uint8_t *rgb, uint32_t pixels);

#endif
