#include "CLCMS.h"

#include <lcms2.h>

#include "lazy_library.h"

static struct lazy_library library = LAZY_LIBRARY("liblcms2.so.2", "liblcms2-2",
                 "cmsOpenProfileFromMem",
                 "cmsCreateRGBProfile",
                 "cmsCreate_sRGBProfile",
                 "cmsBuildParametricToneCurve",
                 "cmsFreeToneCurve",
                 "cmsGetColorSpace",
                 "cmsCloseProfile",
                 "cmsCreateTransform",
                 "cmsDeleteTransform",
                 "cmsDoTransform");

static struct {
  __typeof__(&cmsOpenProfileFromMem) OpenProfileFromMem;
  __typeof__(&cmsCreateRGBProfile) CreateRGBProfile;
  __typeof__(&cmsCreate_sRGBProfile) Create_sRGBProfile;
  __typeof__(&cmsBuildParametricToneCurve) BuildParametricToneCurve;
  __typeof__(&cmsFreeToneCurve) FreeToneCurve;
  __typeof__(&cmsGetColorSpace) GetColorSpace;
  __typeof__(&cmsCloseProfile) CloseProfile;
  __typeof__(&cmsCreateTransform) CreateTransform;
  __typeof__(&cmsDeleteTransform) DeleteTransform;
  __typeof__(&cmsDoTransform) DoTransform;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(name) lib.name = (__typeof__(lib.name))lazy_library_function(&library, "cms" #name)

const char *adbvec_lcms_problem(void) {
  const char *problem = lazy_library_problem(&library);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.DoTransform) {
    FIND(OpenProfileFromMem);
    FIND(CreateRGBProfile);
    FIND(Create_sRGBProfile);
    FIND(BuildParametricToneCurve);
    FIND(FreeToneCurve);
    FIND(GetColorSpace);
    FIND(CloseProfile);
    FIND(CreateTransform);
    FIND(DeleteTransform);
    FIND(DoTransform);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

/* Without lcms's memory of the last colour a transform may be used by several threads; the result is the same. */
static struct adbvec_lcms_transform *to_srgb(cmsHPROFILE from) {
  cmsHTRANSFORM transform = NULL;
  cmsHPROFILE to = from && lib.GetColorSpace(from) == cmsSigRgbData ? lib.Create_sRGBProfile() : NULL;
  if (to)
    transform = lib.CreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE);
  if (to) lib.CloseProfile(to);
  if (from) lib.CloseProfile(from);
  return (struct adbvec_lcms_transform *)transform;
}

struct adbvec_lcms_transform *adbvec_lcms_open(const void *profile, size_t count) {
  return to_srgb(lib.OpenProfileFromMem(profile, (cmsUInt32Number)count));
}

struct adbvec_lcms_transform *adbvec_lcms_display_p3(void) {
  const cmsCIExyY white = {0.3127, 0.3290, 1};
  const cmsCIExyYTRIPLE primaries = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
  const cmsFloat64Number srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
  cmsToneCurve *curve = lib.BuildParametricToneCurve(NULL, 4, srgb);
  if (!curve) return NULL;
  cmsToneCurve *curves[3] = {curve, curve, curve};
  cmsHPROFILE profile = lib.CreateRGBProfile(&white, &primaries, curves);
  lib.FreeToneCurve(curve);
  return to_srgb(profile);
}

void adbvec_lcms_close(struct adbvec_lcms_transform *transform) {
  if (transform) lib.DeleteTransform(transform);
}

void adbvec_lcms_convert(const struct adbvec_lcms_transform *transform, uint8_t *rgb, uint32_t pixels) {
  lib.DoTransform((cmsHTRANSFORM)(uintptr_t)transform, rgb, rgb, pixels);
}
