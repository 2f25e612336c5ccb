#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "lazy_library.h"

/* The layout of libjpeg's structures goes with the header's version. */
#if JPEG_LIB_VERSION >= 80
#define FILE_NAME "libjpeg.so.8"
#define PACKAGE_NAME "libjpeg-turbo8"
#else
#define FILE_NAME "libjpeg.so.62"
#define PACKAGE_NAME "libjpeg62-turbo"
#endif

static struct lazy_library library = LAZY_LIBRARY(FILE_NAME, PACKAGE_NAME,
                 "jpeg_std_error",
                 "jpeg_CreateDecompress",
                 "jpeg_destroy_decompress",
                 "jpeg_mem_src",
                 "jpeg_read_header",
                 "jpeg_start_decompress",
                 "jpeg_read_scanlines",
                 "jpeg_finish_decompress",
                 "jpeg_CreateCompress",
                 "jpeg_destroy_compress",
                 "jpeg_mem_dest",
                 "jpeg_set_defaults",
                 "jpeg_set_quality",
                 "jpeg_start_compress",
                 "jpeg_write_scanlines",
                 "jpeg_finish_compress");

/* Pointers instead of functions of the same names, which libtiff and libgd could take for libjpeg's. */
static struct {
  __typeof__(&jpeg_std_error) std_error;
  __typeof__(&jpeg_CreateDecompress) CreateDecompress;
  __typeof__(&jpeg_destroy_decompress) destroy_decompress;
  __typeof__(&jpeg_mem_src) mem_src;
  __typeof__(&jpeg_read_header) read_header;
  __typeof__(&jpeg_start_decompress) start_decompress;
  __typeof__(&jpeg_read_scanlines) read_scanlines;
  __typeof__(&jpeg_finish_decompress) finish_decompress;
  __typeof__(&jpeg_CreateCompress) CreateCompress;
  __typeof__(&jpeg_destroy_compress) destroy_compress;
  __typeof__(&jpeg_mem_dest) mem_dest;
  __typeof__(&jpeg_set_defaults) set_defaults;
  __typeof__(&jpeg_set_quality) set_quality;
  __typeof__(&jpeg_start_compress) start_compress;
  __typeof__(&jpeg_write_scanlines) write_scanlines;
  __typeof__(&jpeg_finish_compress) finish_compress;
} lib;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIND(name) lib.name = (__typeof__(lib.name))lazy_library_function(&library, "jpeg_" #name)

const char *adbvec_jpeg_problem(void) {
  const char *problem = lazy_library_problem(&library);
  if (problem) return problem;
  pthread_mutex_lock(&mutex);
  if (!lib.finish_compress) {
    FIND(std_error);
    FIND(CreateDecompress);
    FIND(destroy_decompress);
    FIND(mem_src);
    FIND(read_header);
    FIND(start_decompress);
    FIND(read_scanlines);
    FIND(finish_decompress);
    FIND(CreateCompress);
    FIND(destroy_compress);
    FIND(mem_dest);
    FIND(set_defaults);
    FIND(set_quality);
    FIND(start_compress);
    FIND(write_scanlines);
    FIND(finish_compress);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

struct adbvec_jpeg {
  struct jpeg_decompress_struct file;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
  size_t row_bytes;
};

static void on_error(j_common_ptr file) {
  struct adbvec_jpeg *reader = file->client_data;
  file->err->format_message(file, reader->message);
  longjmp(reader->jump, 1);
}

static void on_message(j_common_ptr file) { (void)file; }

/* Each scan of a progressive file costs a pass over the whole image, and a few bytes make one. */
static void limit_scans(j_common_ptr file) {
  struct adbvec_jpeg *reader = file->client_data;
  if (file->is_decompressor && ((j_decompress_ptr)file)->input_scan_number > 500) {
    snprintf(reader->message, sizeof reader->message, "it has more than 500 scans");
    longjmp(reader->jump, 1);
  }
}

struct adbvec_jpeg *adbvec_jpeg_open(const void *bytes, size_t count) {
  struct adbvec_jpeg *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->file.err = lib.std_error(&reader->errors);
  reader->errors.error_exit = on_error;
  reader->errors.output_message = on_message;
  reader->file.client_data = reader;
  reader->progress.progress_monitor = limit_scans;
  if (setjmp(reader->jump)) {
    adbvec_jpeg_close(reader);
    return NULL;
  }
  lib.CreateDecompress(&reader->file, JPEG_LIB_VERSION, sizeof reader->file);
  // CreateDecompress clears all of the structure but the error manager and the client's data.
  reader->file.progress = &reader->progress;
  lib.mem_src(&reader->file, bytes, count);
  return reader;
}

void adbvec_jpeg_close(struct adbvec_jpeg *reader) {
  if (!reader) return;
  if (!setjmp(reader->jump)) lib.destroy_decompress(&reader->file);
  free(reader);
}

int adbvec_jpeg_start(struct adbvec_jpeg *reader, int denominator, struct adbvec_jpeg_header *header) {
  if (setjmp(reader->jump)) return -1;
  struct jpeg_decompress_struct *file = &reader->file;
  lib.read_header(file, TRUE);
  file->scale_num = 1;
  file->scale_denom = (unsigned)denominator;
  file->out_color_space = file->num_components == 4 ? JCS_CMYK : JCS_RGB;
  lib.start_decompress(file);
  header->width = file->output_width;
  header->height = file->output_height;
  header->channels = file->output_components;
  reader->row_bytes = (size_t)file->output_width * (size_t)file->output_components;
  return 0;
}

int adbvec_jpeg_read_rows(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count) {
  if (setjmp(reader->jump)) return -1;
  while (count > 0) {
    JSAMPROW pointers[16];
    const uint32_t wanted = count < 16 ? count : 16;
    for (uint32_t row = 0; row < wanted; row++) pointers[row] = rows + row * reader->row_bytes;
    const uint32_t got = lib.read_scanlines(&reader->file, pointers, wanted);
    if (got == 0) return -1;
    rows += got * reader->row_bytes;
    count -= got;
  }
  return 0;
}

int adbvec_jpeg_finish(struct adbvec_jpeg *reader) {
  if (setjmp(reader->jump)) return -1;
  lib.finish_decompress(&reader->file);
  return 0;
}

long adbvec_jpeg_warnings(const struct adbvec_jpeg *reader) { return reader->errors.num_warnings; }

const char *adbvec_jpeg_message(const struct adbvec_jpeg *reader) { return reader->message; }

struct writer {
  struct jpeg_compress_struct file;
  struct jpeg_error_mgr errors;
  jmp_buf jump;
  unsigned char *bytes;
  unsigned long size;
};

static void on_writing_error(j_common_ptr file) {
  struct writer *writer = file->client_data;
  longjmp(writer->jump, 1);
}

uint8_t *adbvec_jpeg_encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, int full_colour,
                            size_t *size) {
  struct writer *writer = calloc(1, sizeof *writer);
  if (!writer) return NULL;
  struct jpeg_compress_struct *file = &writer->file;
  file->err = lib.std_error(&writer->errors);
  writer->errors.error_exit = on_writing_error;
  writer->errors.output_message = on_message;
  file->client_data = writer;
  int failed = 1;
  if (!setjmp(writer->jump)) {
    lib.CreateCompress(file, JPEG_LIB_VERSION, sizeof *file);
    lib.mem_dest(file, &writer->bytes, &writer->size);
    file->image_width = width;
    file->image_height = height;
    file->input_components = 3;
    file->in_color_space = JCS_RGB;
    lib.set_defaults(file);
    lib.set_quality(file, quality, TRUE);
    file->comp_info[0].h_samp_factor = file->comp_info[0].v_samp_factor = full_colour ? 1 : 2;
    lib.start_compress(file, TRUE);
    while (file->next_scanline < height) {
      JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)file->next_scanline * width * 3);
      lib.write_scanlines(file, &row, 1);
    }
    lib.finish_compress(file);
    failed = 0;
  }
  if (!setjmp(writer->jump)) lib.destroy_compress(file);
  uint8_t *bytes = writer->bytes;
  *size = writer->size;
  free(writer);
  if (failed) {
    free(bytes);
    return NULL;
  }
  return bytes;
}
