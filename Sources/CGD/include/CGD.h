#ifndef ADBVEC_CGD_H
#define ADBVEC_CGD_H

#include <gd.h>

/* NULL when libgd can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_gd_problem(void);

/* The file of the font nearest to a fontconfig pattern that has a character, to be freed; NULL when there is none or
 * fontconfig cannot be used. */
char *adbvec_font_file(const char *pattern, unsigned int character);

/* Whether a font file has a character: 1 or 0; -1 when that cannot be known. */
int adbvec_font_has(const char *file, unsigned int character);

#endif
