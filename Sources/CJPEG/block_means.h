#ifndef ADBVEC_JPEG_BLOCK_MEANS_H
#define ADBVEC_JPEG_BLOCK_MEANS_H

#include <stddef.h>
#include <stdint.h>

/* An eighth of a JPEG's size, where a pixel is the mean of a block: the pixels that libjpeg-turbo gives at that scale, in half its time.
 *
 * A block's mean is its first coefficient. The other 63 need not be known, only passed over, and a table tells for the next bits
 * of the file how many codes end within them. Only files without anything unusual are read: baseline, Huffman codes, one
 * scan, grey or YCbCr. For all others, and from the first irregularity on, there is libjpeg-turbo. */
struct block_means;

/* A Huffman table as a file defines it: how many codes there are of each length from 1 to 16, and their symbols. */
struct block_means_codes {
  const uint8_t *counts;
  const uint8_t *symbols;
};

struct block_means_component {
  /* Blocks of a coded unit across and down: 1 or 2 for luminance, 1 for chrominance. */
  int across, down;
  /* The steps of the 64 coefficients, row by row. */
  const uint16_t *steps;
  struct block_means_codes first, others;
};

struct block_means_file {
  /* Of the whole image, in pixels. */
  uint32_t width, height;
  /* One (grey) or three (Y, Cb, Cr). */
  int components;
  struct block_means_component component[3];
  /* Coded units between restart markers; 0 for none. */
  uint32_t restart_interval;
  /* What follows the scan's header. */
  const uint8_t *bytes;
  size_t count;
};

/* NULL for a file that is left to libjpeg-turbo, and when there is no memory. The file's bytes must stay in place. */
struct block_means *block_means_open(const struct block_means_file *file);
void block_means_close(struct block_means *means);

/* The next rows of (width + 7) / 8 pixels of red, green and blue, or nothing but the way past them where `rows` is NULL. The number of
 * rows, which is smaller than `count` from the first irregularity on. */
uint32_t block_means_read(struct block_means *means, uint8_t *rows, uint32_t count);

/* Whether the file's end follows what was read. */
int block_means_at_end(struct block_means *means);

#endif
