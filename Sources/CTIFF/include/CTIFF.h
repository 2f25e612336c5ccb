#ifndef ADBVEC_CTIFF_H
#define ADBVEC_CTIFF_H

#include <tiffio.h>

/* NULL when libtiff can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_tiff_problem(void);

/* TIFFGetField takes variable arguments, which Swift cannot pass. */
uint16_t adbvec_tiff_uint16(TIFF *tiff, uint32_t tag);
uint32_t adbvec_tiff_uint32(TIFF *tiff, uint32_t tag);

/* The ICC profile of the page; NULL when there is none. Valid until the file is closed. */
const void *adbvec_tiff_profile(TIFF *tiff, uint32_t *count);

#endif
