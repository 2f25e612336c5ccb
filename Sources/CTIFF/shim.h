#include <tiffio.h>

/* TIFFGetField takes variable arguments, which Swift cannot pass. */

static inline uint16_t adbvec_tiff_uint16(TIFF *tiff, uint32_t tag) {
  uint16_t value = 0;
  return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static inline uint32_t adbvec_tiff_uint32(TIFF *tiff, uint32_t tag) {
  uint32_t value = 0;
  return TIFFGetField(tiff, tag, &value) ? value : 0;
}
