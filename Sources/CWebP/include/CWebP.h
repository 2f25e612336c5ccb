#ifndef ADBVEC_CWEBP_H
#define ADBVEC_CWEBP_H

#include <stddef.h>
#include <stdint.h>

/* WebP files in memory, read by libwebp, whose macros Swift cannot call. */

/* NULL when libwebp and libwebpdemux can be used; else one line that says why not. The other functions are only called
 * after that. */
const char *adbvec_webp_problem(void);

struct adbvec_webp_canvas;

/* The first frame of an animation, or the still image: red, green, blue, alpha of each pixel. NULL when the file is
 * damaged. `bytes` must stay in place until the canvas is closed. */
struct adbvec_webp_canvas *adbvec_webp_first_frame(const void *bytes, size_t count);
void adbvec_webp_close(struct adbvec_webp_canvas *canvas);

uint32_t adbvec_webp_width(const struct adbvec_webp_canvas *canvas);
uint32_t adbvec_webp_height(const struct adbvec_webp_canvas *canvas);
const uint8_t *adbvec_webp_rgba(const struct adbvec_webp_canvas *canvas);

/* Whether the file is an animation; -1 when its header is damaged. */
int adbvec_webp_is_animated(const void *bytes, size_t count);

/* Decodes a still image straight to a smaller size: red, green, blue of each pixel; alpha is dropped. 0 or -1. */
int adbvec_webp_decode_scaled(const void *bytes, size_t count, int width, int height, uint8_t *rgb);

#endif
