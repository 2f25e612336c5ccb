/* The functions of libgd that the grids need, each handed on to the library, which is opened with the first call. */
#include "CGD.h"

#include "lazy_library.h"

static struct lazy_library gd = LAZY_LIBRARY("libgd.so.3", "libgd3",
                 "gdImageCreateTrueColor",
                 "gdImageDestroy",
                 "gdSetErrorMethod",
                 "gdFTUseFontConfig",
                 "gdImageStringFTEx");

const char *adbvec_gd_problem(void) { return lazy_library_problem(&gd); }

gdImagePtr gdImageCreateTrueColor(int width, int height) {
  LAZY_REAL(&gd, gdImageCreateTrueColor, NULL)
  return real(width, height);
}

void gdImageDestroy(gdImagePtr image) {
  LAZY_REAL(&gd, gdImageDestroy)
  real(image);
}

void gdSetErrorMethod(gdErrorMethod method) {
  LAZY_REAL(&gd, gdSetErrorMethod)
  real(method);
}

int gdFTUseFontConfig(int flag) {
  LAZY_REAL(&gd, gdFTUseFontConfig, 0)
  return real(flag);
}

char *gdImageStringFTEx(gdImage *image, int *corners, int colour, const char *fonts, double size, double angle, int x,
                        int y, const char *text, gdFTStringExtraPtr extra) {
  LAZY_REAL(&gd, gdImageStringFTEx, "libgd is not loaded")
  return real(image, corners, colour, fonts, size, angle, x, y, text, extra);
}
