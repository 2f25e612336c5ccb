#include "CWebP.h"

#include <stdlib.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "lazy_library.h"

static struct lazy_library webp = LAZY_LIBRARY("libwebp.so.7", "libwebp7",
                 "WebPInitDecoderConfigInternal",
                 "WebPGetFeaturesInternal",
                 "WebPDecode");
static struct lazy_library demux = LAZY_LIBRARY("libwebpdemux.so.2", "libwebpdemux2",
                 "WebPAnimDecoderOptionsInitInternal",
                 "WebPAnimDecoderNewInternal",
                 "WebPAnimDecoderGetInfo",
                 "WebPAnimDecoderGetNext",
                 "WebPAnimDecoderDelete");

/* Pointers instead of functions of the same names, which libwebpdemux could take for libwebp's. */
static struct {
  __typeof__(&WebPInitDecoderConfigInternal) init_config;
  __typeof__(&WebPGetFeaturesInternal) get_features;
  __typeof__(&WebPDecode) decode;
  __typeof__(&WebPAnimDecoderOptionsInitInternal) init_options;
  __typeof__(&WebPAnimDecoderNewInternal) open;
  __typeof__(&WebPAnimDecoderGetInfo) get_info;
  __typeof__(&WebPAnimDecoderGetNext) get_next;
  __typeof__(&WebPAnimDecoderDelete) close;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(library, place, name) lib.place = (__typeof__(lib.place))lazy_library_function(&library, name)

const char *adbvec_webp_problem(void) {
  const char *problem = lazy_library_problem(&webp);
  if (!problem) problem = lazy_library_problem(&demux);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.close) {
    FIND(webp, init_config, "WebPInitDecoderConfigInternal");
    FIND(webp, get_features, "WebPGetFeaturesInternal");
    FIND(webp, decode, "WebPDecode");
    FIND(demux, init_options, "WebPAnimDecoderOptionsInitInternal");
    FIND(demux, open, "WebPAnimDecoderNewInternal");
    FIND(demux, get_info, "WebPAnimDecoderGetInfo");
    FIND(demux, get_next, "WebPAnimDecoderGetNext");
    FIND(demux, close, "WebPAnimDecoderDelete");
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

struct adbvec_webp_canvas {
  WebPAnimDecoder *decoder;
  WebPAnimInfo info;
  uint8_t *pixels;
};

struct adbvec_webp_canvas *adbvec_webp_first_frame(const void *bytes, size_t count) {
  struct adbvec_webp_canvas *canvas = calloc(1, sizeof *canvas);
  WebPAnimDecoderOptions options;
  const WebPData file = {bytes, count};
  int time;
  if (!canvas || !lib.init_options(&options, WEBP_DEMUX_ABI_VERSION)) {
    free(canvas);
    return NULL;
  }
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  canvas->decoder = lib.open(&file, &options, WEBP_DEMUX_ABI_VERSION);
  if (canvas->decoder && lib.get_info(canvas->decoder, &canvas->info) &&
      lib.get_next(canvas->decoder, &canvas->pixels, &time) && canvas->pixels)
    return canvas;
  adbvec_webp_close(canvas);
  return NULL;
}

void adbvec_webp_close(struct adbvec_webp_canvas *canvas) {
  if (!canvas) return;
  if (canvas->decoder) lib.close(canvas->decoder);
  free(canvas);
}

uint32_t adbvec_webp_width(const struct adbvec_webp_canvas *canvas) { return canvas->info.canvas_width; }
uint32_t adbvec_webp_height(const struct adbvec_webp_canvas *canvas) { return canvas->info.canvas_height; }
const uint8_t *adbvec_webp_rgba(const struct adbvec_webp_canvas *canvas) { return canvas->pixels; }

int adbvec_webp_is_animated(const void *bytes, size_t count) {
  WebPBitstreamFeatures features;
  if (lib.get_features(bytes, count, &features, WEBP_DECODER_ABI_VERSION) != VP8_STATUS_OK) return -1;
  return features.has_animation;
}

int adbvec_webp_decode_scaled(const void *bytes, size_t count, int width, int height, uint8_t *rgb) {
  WebPDecoderConfig config;
  if (!lib.init_config(&config, WEBP_DECODER_ABI_VERSION)) return -1;
  config.options.use_scaling = 1;
  config.options.scaled_width = width;
  config.options.scaled_height = height;
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = rgb;
  config.output.u.RGBA.stride = width * 3;
  config.output.u.RGBA.size = (size_t)width * (size_t)height * 3;
  return lib.decode(bytes, count, &config) == VP8_STATUS_OK ? 0 : -1;
}
