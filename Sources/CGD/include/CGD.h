#ifndef ADBVEC_CGD_H
#define ADBVEC_CGD_H

#include <gd.h>

/* NULL when libgd can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_gd_problem(void);

/* The file of the font nearest to a fontconfig pattern that has a character, to be freed; NULL when there is none or
 * fontconfig cannot be used. */
char *adbvec_font_file(const char *pattern, unsigned int character);

/* The file of a font in which a character is a coloured image, as the one above. */
char *adbvec_colour_font_file(unsigned int character);

/* A character as an image: rows of blue, green, red and opacity, the colours multiplied by it, to be freed; its place
 * beside the pen and the pen's way in pixels, at a font size of `size`. */
struct adbvec_glyph {
  unsigned char *pixels;
  int width, height, left, top, advance, size;
};

/* Fills in the glyph that a font file has for a character; 0 when it has none in colour. */
int adbvec_font_glyph(const char *file, unsigned int character, struct adbvec_glyph *glyph);

/* Whether a font file has a character: 1 or 0; -1 when that cannot be known. */
int adbvec_font_has(const char *file, unsigned int character);

#endif
