/* libjpeg-turbo as one of its two interfaces has it. The layout of libjpeg's structures goes with the interface: distributions build
 * libjpeg.so.62 (Debian, Fedora) or libjpeg.so.8 (Ubuntu, Arch), and a program that was built on one runs on the other. So this
 * is compiled once for each; `VERSION`, `FILE_NAME`, `PACKAGE_NAME` and `INTERFACE` are set by who includes it. */
#include "interface.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jconfig.h>
#undef JPEG_LIB_VERSION
#define JPEG_LIB_VERSION VERSION
#define JCONFIG_INCLUDED
#include <jpeglib.h>

#include "lazy_library.h"

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

static const char *problem(void) {
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

static void close_reader(struct adbvec_jpeg *reader) {
  if (!reader) return;
  if (!setjmp(reader->jump)) lib.destroy_decompress(&reader->file);
  free(reader);
}

static struct adbvec_jpeg *open_reader(const void *bytes, size_t count) {
  struct adbvec_jpeg *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->file.err = lib.std_error(&reader->errors);
  reader->errors.error_exit = on_error;
  reader->errors.output_message = on_message;
  reader->file.client_data = reader;
  reader->progress.progress_monitor = limit_scans;
  if (setjmp(reader->jump)) {
    close_reader(reader);
    return NULL;
  }
  lib.CreateDecompress(&reader->file, JPEG_LIB_VERSION, sizeof reader->file);
  // CreateDecompress clears all of the structure but the error manager and the client's data.
  reader->file.progress = &reader->progress;
  lib.mem_src(&reader->file, bytes, count);
  return reader;
}

static int start(struct adbvec_jpeg *reader, int denominator, struct adbvec_jpeg_header *header) {
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

static int read_rows(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count) {
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

static int finish(struct adbvec_jpeg *reader) {
  if (setjmp(reader->jump)) return -1;
  lib.finish_decompress(&reader->file);
  return 0;
}

static long warnings(const struct adbvec_jpeg *reader) { return reader->errors.num_warnings; }

static const char *last_message(const struct adbvec_jpeg *reader) { return reader->message; }

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

static uint8_t *encode(const uint8_t *rgb, uint32_t width, uint32_t height, int quality, int full_colour,
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

const struct jpeg_interface INTERFACE = {
  problem, open_reader, close_reader, start, read_rows, finish, warnings, last_message, encode,
};
