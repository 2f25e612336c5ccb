#include "CHEIF.h"

#include <stdio.h>
#include <stdlib.h>

#include <libheif/heif.h>

#include "lazy_library.h"

static struct lazy_library library = LAZY_LIBRARY("libheif.so.1", "libheif1",
                 "heif_context_alloc",
                 "heif_context_free",
                 "heif_context_read_from_memory_without_copy",
                 "heif_context_get_primary_image_handle",
                 "heif_image_handle_release",
                 "heif_image_handle_get_width",
                 "heif_image_handle_get_height",
                 "heif_image_handle_has_alpha_channel",
                 "heif_decoding_options_alloc",
                 "heif_decoding_options_free",
                 "heif_decode_image",
                 "heif_image_release",
                 "heif_image_get_width",
                 "heif_image_get_height",
                 "heif_image_get_plane_readonly",
                 "heif_image_handle_get_color_profile_type",
                 "heif_image_handle_get_raw_color_profile_size",
                 "heif_image_handle_get_raw_color_profile",
                 "heif_image_handle_get_nclx_color_profile",
                 "heif_nclx_color_profile_free");

/* Pointers instead of functions of the same names, which libgd could take for libheif's. */
static struct {
  __typeof__(&heif_context_alloc) context_alloc;
  __typeof__(&heif_context_free) context_free;
  __typeof__(&heif_context_read_from_memory_without_copy) context_read_from_memory_without_copy;
  __typeof__(&heif_context_get_primary_image_handle) context_get_primary_image_handle;
  __typeof__(&heif_image_handle_release) image_handle_release;
  __typeof__(&heif_image_handle_get_width) image_handle_get_width;
  __typeof__(&heif_image_handle_get_height) image_handle_get_height;
  __typeof__(&heif_image_handle_has_alpha_channel) image_handle_has_alpha_channel;
  __typeof__(&heif_decoding_options_alloc) decoding_options_alloc;
  __typeof__(&heif_decoding_options_free) decoding_options_free;
  __typeof__(&heif_decode_image) decode_image;
  __typeof__(&heif_image_release) image_release;
  __typeof__(&heif_image_get_width) image_get_width;
  __typeof__(&heif_image_get_height) image_get_height;
  __typeof__(&heif_image_get_plane_readonly) image_get_plane_readonly;
  __typeof__(&heif_image_handle_get_color_profile_type) image_handle_get_color_profile_type;
  __typeof__(&heif_image_handle_get_raw_color_profile_size) image_handle_get_raw_color_profile_size;
  __typeof__(&heif_image_handle_get_raw_color_profile) image_handle_get_raw_color_profile;
  __typeof__(&heif_image_handle_get_nclx_color_profile) image_handle_get_nclx_color_profile;
  __typeof__(&heif_nclx_color_profile_free) nclx_color_profile_free;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(name) lib.name = (__typeof__(lib.name))lazy_library_function(&library, "heif_" #name)

const char *adbvec_heif_problem(void) {
  const char *problem = lazy_library_problem(&library);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.nclx_color_profile_free) {
    FIND(context_alloc);
    FIND(context_free);
    FIND(context_read_from_memory_without_copy);
    FIND(context_get_primary_image_handle);
    FIND(image_handle_release);
    FIND(image_handle_get_width);
    FIND(image_handle_get_height);
    FIND(image_handle_has_alpha_channel);
    FIND(decoding_options_alloc);
    FIND(decoding_options_free);
    FIND(decode_image);
    FIND(image_release);
    FIND(image_get_width);
    FIND(image_get_height);
    FIND(image_get_plane_readonly);
    FIND(image_handle_get_color_profile_type);
    FIND(image_handle_get_raw_color_profile_size);
    FIND(image_handle_get_raw_color_profile);
    FIND(image_handle_get_nclx_color_profile);
    FIND(nclx_color_profile_free);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

struct adbvec_heif {
  struct heif_context *context;
  struct heif_image_handle *handle;
  struct heif_image *image;
  int failed;
  char message[200];
};

/* Keeps what libheif says; whether it says anything. */
static int fails(struct adbvec_heif *reader, struct heif_error error) {
  if (error.code == heif_error_Ok) return 0;
  reader->failed = 1;
  snprintf(reader->message, sizeof reader->message, "%s", error.message ? error.message : "no reason given");
  return 1;
}

struct adbvec_heif *adbvec_heif_open(const void *bytes, size_t count) {
  struct adbvec_heif *reader = calloc(1, sizeof *reader);
  if (reader) reader->context = lib.context_alloc();
  if (!reader || !reader->context) {
    adbvec_heif_close(reader);
    return NULL;
  }
  if (!fails(reader, lib.context_read_from_memory_without_copy(reader->context, bytes, count, NULL)))
    fails(reader, lib.context_get_primary_image_handle(reader->context, &reader->handle));
  return reader;
}

void adbvec_heif_close(struct adbvec_heif *reader) {
  if (!reader) return;
  if (reader->image) lib.image_release(reader->image);
  if (reader->handle) lib.image_handle_release(reader->handle);
  if (reader->context) lib.context_free(reader->context);
  free(reader);
}

const char *adbvec_heif_message(const struct adbvec_heif *reader) { return reader->failed ? reader->message : NULL; }

int adbvec_heif_width(const struct adbvec_heif *reader) { return lib.image_handle_get_width(reader->handle); }
int adbvec_heif_height(const struct adbvec_heif *reader) { return lib.image_handle_get_height(reader->handle); }
int adbvec_heif_has_alpha(const struct adbvec_heif *reader) {
  return lib.image_handle_has_alpha_channel(reader->handle);
}

size_t adbvec_heif_profile_size(const struct adbvec_heif *reader) {
  const enum heif_color_profile_type type = lib.image_handle_get_color_profile_type(reader->handle);
  if (type != heif_color_profile_type_rICC && type != heif_color_profile_type_prof) return 0;
  return lib.image_handle_get_raw_color_profile_size(reader->handle);
}

int adbvec_heif_read_profile(const struct adbvec_heif *reader, uint8_t *profile) {
  return lib.image_handle_get_raw_color_profile(reader->handle, profile).code == heif_error_Ok ? 0 : -1;
}

int adbvec_heif_is_display_p3(const struct adbvec_heif *reader) {
  struct heif_color_profile_nclx *named = NULL;
  if (lib.image_handle_get_color_profile_type(reader->handle) != heif_color_profile_type_nclx) return 0;
  if (lib.image_handle_get_nclx_color_profile(reader->handle, &named).code != heif_error_Ok || !named) return 0;
  const int is_p3 = named->color_primaries == heif_color_primaries_SMPTE_EG_432_1 &&
                    named->transfer_characteristics == heif_transfer_characteristic_IEC_61966_2_1;
  lib.nclx_color_profile_free(named);
  return is_p3;
}

const uint8_t *adbvec_heif_decode(struct adbvec_heif *reader, int channels, size_t *stride) {
  struct heif_decoding_options *options = lib.decoding_options_alloc();
  if (!options) return NULL;
  options->convert_hdr_to_8bit = 1;
  const enum heif_chroma chroma = channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB;
  const struct heif_error error = lib.decode_image(reader->handle, &reader->image, heif_colorspace_RGB, chroma, options);
  lib.decoding_options_free(options);
  if (fails(reader, error)) return NULL;
  if (lib.image_get_width(reader->image, heif_channel_interleaved) != adbvec_heif_width(reader) ||
      lib.image_get_height(reader->image, heif_channel_interleaved) != adbvec_heif_height(reader))
    return NULL;
  int bytes = 0;
  const uint8_t *pixels = lib.image_get_plane_readonly(reader->image, heif_channel_interleaved, &bytes);
  *stride = (size_t)bytes;
  return pixels && bytes >= adbvec_heif_width(reader) * channels ? pixels : NULL;
}
