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

#include "block_means.h"
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
  /* What reads the file in place of libjpeg as long as it is regular, and the rows that it has read. */
  struct block_means *means;
  uint32_t means_rows;
  /* A row that nobody wants. */
  uint8_t *unwanted;
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
  block_means_close(reader->means);
  free(reader->unwanted);
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

/* NULL where a file of libjpeg's kind is not one of block_means.h's. */
static struct block_means *open_means(j_decompress_ptr file) {
  struct block_means_file found = {
    .width = file->image_width,
    .height = file->image_height,
    .components = file->num_components,
    .restart_interval = file->restart_interval,
    .bytes = file->src->next_input_byte,
    .count = file->src->bytes_in_buffer,
  };
  if (file->progressive_mode || file->arith_code || file->data_precision != 8 || file->comps_in_scan != file->num_components
      || file->Ss != 0 || file->Se != 63 || file->Ah != 0 || file->Al != 0)
    return NULL;
  if (file->jpeg_color_space != (file->num_components == 1 ? JCS_GRAYSCALE : JCS_YCbCr)) return NULL;
  for (int i = 0; i < file->comps_in_scan; i++) {
    const jpeg_component_info *component = file->cur_comp_info[i];
    const int dc = component->dc_tbl_no, ac = component->ac_tbl_no, quant = component->quant_tbl_no;
    if (component->component_index != i || dc < 0 || dc >= NUM_HUFF_TBLS || ac < 0 || ac >= NUM_HUFF_TBLS || quant < 0
        || quant >= NUM_QUANT_TBLS || !file->dc_huff_tbl_ptrs[dc] || !file->ac_huff_tbl_ptrs[ac] || !file->quant_tbl_ptrs[quant])
      return NULL;
    found.component[i] = (struct block_means_component){
      .across = component->h_samp_factor,
      .down = component->v_samp_factor,
      .steps = file->quant_tbl_ptrs[quant]->quantval,
      .first = {file->dc_huff_tbl_ptrs[dc]->bits, file->dc_huff_tbl_ptrs[dc]->huffval},
      .others = {file->ac_huff_tbl_ptrs[ac]->bits, file->ac_huff_tbl_ptrs[ac]->huffval},
    };
  }
  return block_means_open(&found);
}

static int start(struct adbvec_jpeg *reader, int denominator, int allows_means, struct adbvec_jpeg_header *header) {
  if (setjmp(reader->jump)) return -1;
  struct jpeg_decompress_struct *file = &reader->file;
  lib.read_header(file, TRUE);
  file->scale_num = 1;
  file->scale_denom = (unsigned)denominator;
  file->out_color_space = file->num_components == 4 ? JCS_CMYK : JCS_RGB;
  if (denominator == 8 && allows_means) reader->means = open_means(file);
  if (reader->means) {
    header->width = (file->image_width + 7) / 8;
    header->height = (file->image_height + 7) / 8;
    header->channels = 3;
  } else {
    lib.start_decompress(file);
    header->width = file->output_width;
    header->height = file->output_height;
    header->channels = file->output_components;
  }
  reader->row_bytes = (size_t)header->width * (size_t)header->channels;
  return 0;
}

static int uses_means(const struct adbvec_jpeg *reader) { return reader->means != NULL; }

/* Reads rows by libjpeg; past them where `rows` is NULL. */
static int read_by_libjpeg(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count) {
  if (!rows && count > 0 && !reader->unwanted && !(reader->unwanted = malloc(reader->row_bytes))) return -1;
  while (count > 0) {
    JSAMPROW pointers[16];
    const uint32_t wanted = count < 16 ? count : 16;
    for (uint32_t row = 0; row < wanted; row++) pointers[row] = rows ? rows + row * reader->row_bytes : reader->unwanted;
    const uint32_t got = lib.read_scanlines(&reader->file, pointers, wanted);
    if (got == 0) return -1;
    if (rows) rows += got * reader->row_bytes;
    count -= got;
  }
  return 0;
}

static int read_rows(struct adbvec_jpeg *reader, uint8_t *rows, uint32_t count) {
  if (setjmp(reader->jump)) return -1;
  uint32_t got = 0;
  if (reader->means) {
    got = block_means_read(reader->means, rows, count);
    reader->means_rows += got;
    if (got == count) return 0;
    // The file is not regular from here on, and is read again from its beginning: up to here the pixels are the same.
    block_means_close(reader->means);
    reader->means = NULL;
    lib.start_decompress(&reader->file);
    if (read_by_libjpeg(reader, NULL, reader->means_rows)) return -1;
  }
  return read_by_libjpeg(reader, rows ? rows + got * reader->row_bytes : NULL, count - got);
}

static int finish(struct adbvec_jpeg *reader) {
  if (setjmp(reader->jump)) return -1;
  if (reader->means) {
    if (!block_means_at_end(reader->means)) reader->errors.num_warnings++;
    return 0;
  }
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
  problem, open_reader, close_reader, start, uses_means, read_rows, finish, warnings, last_message, encode,
};
