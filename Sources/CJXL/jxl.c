#include "CJXL.h"

#include <stdlib.h>

#include <jxl/decode.h>
#include <jxl/version.h>

#include "lazy_library.h"

/* Up to version 1 each has an interface of its own. */
#define TEXT(number) #number
#define NUMBER(number) TEXT(number)
#define VERSION NUMBER(JPEGXL_MAJOR_VERSION) "." NUMBER(JPEGXL_MINOR_VERSION)

static struct lazy_library library = LAZY_LIBRARY("libjxl.so." VERSION, "libjxl" VERSION,
                 "JxlDecoderCreate",
                 "JxlDecoderDestroy",
                 "JxlDecoderSubscribeEvents",
                 "JxlDecoderSetInput",
                 "JxlDecoderCloseInput",
                 "JxlDecoderProcessInput",
                 "JxlDecoderGetBasicInfo",
                 "JxlDecoderGetICCProfileSize",
                 "JxlDecoderGetColorAsICCProfile",
                 "JxlDecoderImageOutBufferSize",
                 "JxlDecoderSetImageOutBuffer");

static struct {
  __typeof__(&JxlDecoderCreate) Create;
  __typeof__(&JxlDecoderDestroy) Destroy;
  __typeof__(&JxlDecoderSubscribeEvents) SubscribeEvents;
  __typeof__(&JxlDecoderSetInput) SetInput;
  __typeof__(&JxlDecoderCloseInput) CloseInput;
  __typeof__(&JxlDecoderProcessInput) ProcessInput;
  __typeof__(&JxlDecoderGetBasicInfo) GetBasicInfo;
  __typeof__(&JxlDecoderGetICCProfileSize) GetICCProfileSize;
  __typeof__(&JxlDecoderGetColorAsICCProfile) GetColorAsICCProfile;
  __typeof__(&JxlDecoderImageOutBufferSize) ImageOutBufferSize;
  __typeof__(&JxlDecoderSetImageOutBuffer) SetImageOutBuffer;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(name) lib.name = (__typeof__(lib.name))lazy_library_function(&library, "JxlDecoder" #name)

const char *adbvec_jxl_problem(void) {
  const char *problem = lazy_library_problem(&library);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.SetImageOutBuffer) {
    FIND(Create);
    FIND(Destroy);
    FIND(SubscribeEvents);
    FIND(SetInput);
    FIND(CloseInput);
    FIND(ProcessInput);
    FIND(GetBasicInfo);
    FIND(GetICCProfileSize);
    FIND(GetColorAsICCProfile);
    FIND(ImageOutBufferSize);
    FIND(SetImageOutBuffer);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

/* Version 0.9 took a parameter away that nothing used. */
#if JPEGXL_MAJOR_VERSION == 0 && JPEGXL_MINOR_VERSION < 9
#define UNUSED_FORMAT NULL,
#else
#define UNUSED_FORMAT
#endif

struct adbvec_jxl {
  JxlDecoder *decoder;
  JxlBasicInfo info;
  uint8_t *profile;
  size_t profile_count;
  enum adbvec_jxl_status status;
};

/* No profile of this world is larger. */
enum { MOST_PROFILE_BYTES = 4 << 20 };

static void read_profile(struct adbvec_jxl *reader) {
  size_t count = 0;
  const JxlColorProfileTarget target = JXL_COLOR_PROFILE_TARGET_DATA;
  if (lib.GetICCProfileSize(reader->decoder, UNUSED_FORMAT target, &count) != JXL_DEC_SUCCESS) return;
  if (count == 0 || count > MOST_PROFILE_BYTES || !(reader->profile = malloc(count))) return;
  if (lib.GetColorAsICCProfile(reader->decoder, UNUSED_FORMAT target, reader->profile, count) == JXL_DEC_SUCCESS)
    reader->profile_count = count;
}

/* Goes on to an event; whether it came. */
static int reaches(struct adbvec_jxl *reader, JxlDecoderStatus event) {
  const JxlDecoderStatus found = lib.ProcessInput(reader->decoder);
  if (found == event) return 1;
  reader->status = found == JXL_DEC_NEED_MORE_INPUT ? ADBVEC_JXL_TRUNCATED : ADBVEC_JXL_DAMAGED;
  return 0;
}

struct adbvec_jxl *adbvec_jxl_open(const void *bytes, size_t count) {
  struct adbvec_jxl *reader = calloc(1, sizeof *reader);
  if (!reader || !(reader->decoder = lib.Create(NULL))) {
    adbvec_jxl_close(reader);
    return NULL;
  }
  const int events = JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE;
  if (lib.SubscribeEvents(reader->decoder, events) != JXL_DEC_SUCCESS ||
      lib.SetInput(reader->decoder, bytes, count) != JXL_DEC_SUCCESS) {
    reader->status = ADBVEC_JXL_DAMAGED;
    return reader;
  }
  lib.CloseInput(reader->decoder);
  if (!reaches(reader, JXL_DEC_BASIC_INFO)) return reader;
  if (lib.GetBasicInfo(reader->decoder, &reader->info) != JXL_DEC_SUCCESS) reader->status = ADBVEC_JXL_DAMAGED;
  return reader;
}

void adbvec_jxl_close(struct adbvec_jxl *reader) {
  if (!reader) return;
  if (reader->decoder) lib.Destroy(reader->decoder);
  free(reader->profile);
  free(reader);
}

enum adbvec_jxl_status adbvec_jxl_status(const struct adbvec_jxl *reader) { return reader->status; }

uint32_t adbvec_jxl_width(const struct adbvec_jxl *reader) { return reader->info.xsize; }
uint32_t adbvec_jxl_height(const struct adbvec_jxl *reader) { return reader->info.ysize; }
int adbvec_jxl_has_alpha(const struct adbvec_jxl *reader) { return reader->info.alpha_bits > 0; }

const uint8_t *adbvec_jxl_profile(const struct adbvec_jxl *reader, size_t *count) {
  *count = reader->profile_count;
  return reader->profile_count > 0 ? reader->profile : NULL;
}

enum adbvec_jxl_status adbvec_jxl_decode(struct adbvec_jxl *reader, int channels, uint8_t *pixels) {
  if (reader->status != ADBVEC_JXL_OK) return reader->status;
  if (!reaches(reader, JXL_DEC_COLOR_ENCODING)) return reader->status;
  read_profile(reader);
  if (!reaches(reader, JXL_DEC_NEED_IMAGE_OUT_BUFFER)) return reader->status;
  const JxlPixelFormat format = {(uint32_t)channels, JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  const size_t wanted = (size_t)reader->info.xsize * reader->info.ysize * (size_t)channels;
  size_t needed = 0;
  if (lib.ImageOutBufferSize(reader->decoder, &format, &needed) != JXL_DEC_SUCCESS || needed != wanted ||
      lib.SetImageOutBuffer(reader->decoder, &format, pixels, wanted) != JXL_DEC_SUCCESS)
    reader->status = ADBVEC_JXL_DAMAGED;
  else
    reaches(reader, JXL_DEC_FULL_IMAGE);
  return reader->status;
}
