#include "CPNG.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lazy_library.h"

static struct lazy_library library = LAZY_LIBRARY("libpng16.so.16", "libpng16-16",
                 "png_create_read_struct",
                 "png_create_info_struct",
                 "png_destroy_read_struct",
                 "png_set_read_fn",
                 "png_get_io_ptr",
                 "png_get_error_ptr",
                 "png_error",
                 "png_set_benign_errors",
                 "png_set_user_limits",
                 "png_set_option",
                 "png_read_info",
                 "png_get_IHDR",
                 "png_get_valid",
                 "png_set_expand",
                 "png_set_strip_alpha",
                 "png_set_strip_16",
                 "png_set_gray_to_rgb",
                 "png_set_interlace_handling",
                 "png_read_update_info",
                 "png_get_rowbytes",
                 "png_read_row");

/* Pointers instead of functions of the same names, which other libraries of the process could take for libpng's. */
static struct {
  __typeof__(&png_create_read_struct) create_read_struct;
  __typeof__(&png_create_info_struct) create_info_struct;
  __typeof__(&png_destroy_read_struct) destroy_read_struct;
  __typeof__(&png_set_read_fn) set_read_fn;
  __typeof__(&png_get_io_ptr) get_io_ptr;
  __typeof__(&png_get_error_ptr) get_error_ptr;
  __typeof__(&png_error) error;
  __typeof__(&png_set_benign_errors) set_benign_errors;
  __typeof__(&png_set_user_limits) set_user_limits;
  __typeof__(&png_set_option) set_option;
  __typeof__(&png_read_info) read_info;
  __typeof__(&png_get_IHDR) get_IHDR;
  __typeof__(&png_get_valid) get_valid;
  __typeof__(&png_set_expand) set_expand;
  __typeof__(&png_set_strip_alpha) set_strip_alpha;
  __typeof__(&png_set_strip_16) set_strip_16;
  __typeof__(&png_set_gray_to_rgb) set_gray_to_rgb;
  __typeof__(&png_set_interlace_handling) set_interlace_handling;
  __typeof__(&png_read_update_info) read_update_info;
  __typeof__(&png_get_rowbytes) get_rowbytes;
  __typeof__(&png_read_row) read_row;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(name) lib.name = (__typeof__(lib.name))lazy_library_function(&library, "png_" #name)

const char *adbvec_png_problem(void) {
  const char *problem = lazy_library_problem(&library);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.read_row) {
    FIND(create_read_struct);
    FIND(create_info_struct);
    FIND(destroy_read_struct);
    FIND(set_read_fn);
    FIND(get_io_ptr);
    FIND(get_error_ptr);
    FIND(error);
    FIND(set_benign_errors);
    FIND(set_user_limits);
    FIND(set_option);
    FIND(read_info);
    FIND(get_IHDR);
    FIND(get_valid);
    FIND(set_expand);
    FIND(set_strip_alpha);
    FIND(set_strip_16);
    FIND(set_gray_to_rgb);
    FIND(set_interlace_handling);
    FIND(read_update_info);
    FIND(get_rowbytes);
    FIND(read_row);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

struct adbvec_png {
  png_structp png;
  png_infop info;
  const uint8_t *bytes;
  size_t count;
  size_t position;
  int past_end;
  int passes;
  uint32_t height;
  size_t row_bytes;
  jmp_buf jump;
  char message[160];
};

static void on_error(png_structp png, png_const_charp text) {
  struct adbvec_png *reader = lib.get_error_ptr(png);
  snprintf(reader->message, sizeof reader->message, "%s", text);
  longjmp(reader->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  struct adbvec_png *reader = lib.get_io_ptr(png);
  if (count > reader->count - reader->position) {
    reader->past_end = 1;
    lib.error(png, "the file ends too early");
  }
  memcpy(to, reader->bytes + reader->position, count);
  reader->position += count;
}

static enum adbvec_png_status failure(const struct adbvec_png *reader) {
  // libpng's words for pixels that are not all there.
  return reader->past_end || strstr(reader->message, "ot enough") ? ADBVEC_PNG_TRUNCATED : ADBVEC_PNG_DAMAGED;
}

struct adbvec_png *adbvec_png_open(const void *bytes, size_t count) {
  struct adbvec_png *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->bytes = bytes;
  reader->count = count;
  if (setjmp(reader->jump)) {
    adbvec_png_close(reader);
    return NULL;
  }
  reader->png = lib.create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
  if (reader->png) reader->info = lib.create_info_struct(reader->png);
  if (!reader->info) {
    adbvec_png_close(reader);
    return NULL;
  }
  lib.set_read_fn(reader->png, reader, read_bytes);
  lib.set_benign_errors(reader->png, 1);
  // The caller has its own limit.
  lib.set_user_limits(reader->png, 0x7fffffff, 0x7fffffff);
  return reader;
}

void adbvec_png_close(struct adbvec_png *reader) {
  if (!reader) return;
  if (reader->png) lib.destroy_read_struct(&reader->png, &reader->info, NULL);
  free(reader);
}

enum adbvec_png_status adbvec_png_read_header(struct adbvec_png *reader, int keeps_alpha, struct adbvec_png_header *header) {
  if (setjmp(reader->jump)) return failure(reader);
  png_structp png = reader->png;
  lib.read_info(png, reader->info);
  int depth, color;
  lib.get_IHDR(png, reader->info, &header->width, &header->height, &depth, &color, NULL, NULL, NULL);
  const int has_alpha = color & PNG_COLOR_MASK_ALPHA || lib.get_valid(png, reader->info, PNG_INFO_tRNS);
  const int is_grey16 = color == PNG_COLOR_TYPE_GRAY && depth == 16;
  header->has_alpha = keeps_alpha && has_alpha;
  header->channels = (is_grey16 ? 1 : 3) + header->has_alpha;
  header->sample_bytes = is_grey16 ? 2 : 1;
  lib.set_expand(png);
  if (!header->has_alpha) lib.set_strip_alpha(png);
  if (!is_grey16) {
    if (depth == 16) lib.set_strip_16(png);
    if (!(color & PNG_COLOR_MASK_COLOR)) lib.set_gray_to_rgb(png);
  }
  reader->passes = lib.set_interlace_handling(png);
  header->is_interlaced = reader->passes > 1;
  lib.read_update_info(png, reader->info);
  reader->height = header->height;
  reader->row_bytes = (size_t)header->width * (size_t)header->channels * (size_t)header->sample_bytes;
  if (lib.get_rowbytes(png, reader->info) != reader->row_bytes) lib.error(png, "its rows have an unexpected size");
  return ADBVEC_PNG_OK;
}

enum adbvec_png_status adbvec_png_read_rows(struct adbvec_png *reader, uint8_t *pixels) {
  if (setjmp(reader->jump)) return failure(reader);
  for (int pass = 0; pass < reader->passes; pass++)
    for (uint32_t row = 0; row < reader->height; row++)
      lib.read_row(reader->png, pixels + row * reader->row_bytes, NULL);
  return ADBVEC_PNG_OK;
}

enum adbvec_png_status adbvec_png_read_next_rows(struct adbvec_png *reader, uint8_t *pixels, uint32_t count) {
  if (setjmp(reader->jump)) return failure(reader);
  // The last rows, behind which the sum is, may never be read; each chunk has another sum, which is still checked.
  lib.set_option(reader->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON);
  for (uint32_t row = 0; row < count; row++) lib.read_row(reader->png, pixels + row * reader->row_bytes, NULL);
  return ADBVEC_PNG_OK;
}

const char *adbvec_png_message(const struct adbvec_png *reader) { return reader->message; }
