/* The functions of libtiff that reading an image needs, each handed on to the library, which is opened with the first
 * call. */
#include "CTIFF.h"

#include "lazy_library.h"

static struct lazy_library library = LAZY_LIBRARY("libtiff.so.6 libtiff.so.5", "libtiff6",
                 "TIFFGetFieldDefaulted",
                 "TIFFGetField",
                 "TIFFClientOpen",
                 "TIFFClose",
                 "TIFFSetErrorHandler",
                 "TIFFSetWarningHandler",
                 "TIFFIsTiled",
                 "TIFFScanlineSize64",
                 "TIFFReadScanline",
                 "TIFFReadRGBAImageOriented");

const char *adbvec_tiff_problem(void) { return lazy_library_problem(&library); }

uint16_t adbvec_tiff_uint16(TIFF *tiff, uint32_t tag) {
  LAZY_REAL(&library, TIFFGetFieldDefaulted, 0)
  uint16_t value = 0;
  return real(tiff, tag, &value) ? value : 0;
}

uint32_t adbvec_tiff_uint32(TIFF *tiff, uint32_t tag) {
  LAZY_REAL(&library, TIFFGetField, 0)
  uint32_t value = 0;
  return real(tiff, tag, &value) ? value : 0;
}

const void *adbvec_tiff_profile(TIFF *tiff, uint32_t *count) {
  *count = 0;
  LAZY_REAL(&library, TIFFGetField, NULL)
  void *profile = NULL;
  return real(tiff, TIFFTAG_ICCPROFILE, count, &profile) ? profile : NULL;
}

TIFF *TIFFClientOpen(const char *name, const char *mode, thandle_t client, TIFFReadWriteProc read,
                     TIFFReadWriteProc write, TIFFSeekProc seek, TIFFCloseProc close, TIFFSizeProc size,
                     TIFFMapFileProc map, TIFFUnmapFileProc unmap) {
  LAZY_REAL(&library, TIFFClientOpen, NULL)
  return real(name, mode, client, read, write, seek, close, size, map, unmap);
}

void TIFFClose(TIFF *tiff) {
  LAZY_REAL(&library, TIFFClose)
  real(tiff);
}

TIFFErrorHandler TIFFSetErrorHandler(TIFFErrorHandler handler) {
  LAZY_REAL(&library, TIFFSetErrorHandler, NULL)
  return real(handler);
}

TIFFErrorHandler TIFFSetWarningHandler(TIFFErrorHandler handler) {
  LAZY_REAL(&library, TIFFSetWarningHandler, NULL)
  return real(handler);
}

int TIFFIsTiled(TIFF *tiff) {
  LAZY_REAL(&library, TIFFIsTiled, 0)
  return real(tiff);
}

uint64_t TIFFScanlineSize64(TIFF *tiff) {
  LAZY_REAL(&library, TIFFScanlineSize64, 0)
  return real(tiff);
}

int TIFFReadScanline(TIFF *tiff, void *buffer, uint32_t row, uint16_t sample) {
  LAZY_REAL(&library, TIFFReadScanline, -1)
  return real(tiff, buffer, row, sample);
}

int TIFFReadRGBAImageOriented(TIFF *tiff, uint32_t width, uint32_t height, uint32_t *raster, int orientation,
                              int stop_on_error) {
  LAZY_REAL(&library, TIFFReadRGBAImageOriented, 0)
  return real(tiff, width, height, raster, orientation, stop_on_error);
}
