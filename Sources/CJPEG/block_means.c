#include "block_means.h"

#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
  /* Bits that are looked up at once to pass over coefficients, and to read a code. */
  PASS_BITS = 13,
  CODE_BITS = 9,
  /* The sizes of differences and of coefficients in a file of 8 bits a sample. */
  LARGEST_DIFFERENCE = 11,
  LARGEST_COEFFICIENT = 10,
  /* In an entry to pass over: a block ends here. */
  BLOCK_ENDS = 128,
  /* These bits are not a code, or the beginning of a longer one: more coefficients than a block can have. */
  UNKNOWN = 255 << 8,
};

struct codes {
  /* By the next bits: the symbol times 256, plus the code's length; 0 for a longer code. */
  uint16_t entries[1 << CODE_BITS];
  /* Of each length: what the next 16 bits are below, and the place of a code's symbol less the code. */
  uint32_t limits[17];
  int32_t places[17];
  uint8_t symbols[256];
};

struct component {
  int across, down;
  /* Whether its blocks are split into four means, so that it becomes as fine as the luminance. */
  int is_split;
  int16_t steps[64];
  struct codes first, others;
  /* By the next bits: how many coefficients the codes among them stand for, times 256, plus the bits that they take. */
  uint16_t passes[1 << PASS_BITS];
};

/* The bits that come next are the highest; behind `count` of them are 0, or those that follow. */
struct bit_reader {
  uint64_t bits;
  int count;
  /* Bits that were put behind the end of the data. */
  int missing;
  const uint8_t *next, *end;
};

struct block_means {
  uint32_t width, height;
  /* Coded units of a row, and rows of pixels that they make. */
  uint32_t units;
  int unit_rows;
  int components;
  uint32_t restart_interval, units_to_restart;
  int next_restart;
  struct bit_reader reader;
  int32_t levels[3];
  /* Rows that were given out, in all and of the current row of units. */
  uint32_t row;
  int row_in_units;
  /* For each component, `unit_rows` rows of `stride` values. */
  size_t stride;
  uint8_t *planes;
  struct component component[];
};

/* Where the coefficients lie in the block, in the order of the file (ITU-T T.81, figure A.6). */
static const uint8_t zigzag[64] = {
  0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* Codes are numbered by length, and none is all ones (T.81, annex C). */
static int build_codes(struct codes *codes, struct block_means_codes file, int is_first) {
  uint32_t code = 0;
  int place = 0;
  memset(codes->entries, 0, sizeof codes->entries);
  for (int length = 1; length <= 16; length++, code <<= 1) {
    const int count = file.counts[length];
    if (place + count > 256 || code + (uint32_t)count >= 1u << length) return 0;
    codes->places[length] = place - (int32_t)code;
    for (int i = 0; i < count; i++, code++, place++) {
      const uint8_t symbol = file.symbols[place];
      if (is_first ? symbol > LARGEST_DIFFERENCE : (symbol & 15) > LARGEST_COEFFICIENT) return 0;
      codes->symbols[place] = symbol;
      if (length > CODE_BITS) continue;
      const int free_bits = CODE_BITS - length;
      for (uint32_t rest = 0; rest < 1u << free_bits; rest++)
        codes->entries[(code << free_bits) + rest] = (uint16_t)(symbol << 8 | length);
    }
    codes->limits[length] = code << (16 - length);
  }
  return 1;
}

/* The symbol times 256, plus the code's length, of the next 16 bits; 0 where there is no code. */
INLINE unsigned find_code(const struct codes *codes, uint32_t bits) {
  const unsigned entry = codes->entries[bits >> (16 - CODE_BITS)];
  if (entry) return entry;
  for (int length = CODE_BITS + 1; length <= 16; length++)
    if (bits < codes->limits[length])
      return (unsigned)codes->symbols[(uint8_t)(codes->places[length] + (int32_t)(bits >> (16 - length)))] << 8 | (unsigned)length;
  return 0;
}

static void build_passes(struct component *component) {
  for (uint32_t index = 0; index < 1u << PASS_BITS; index++) {
    unsigned coefficients = 0, used = 0;
    while (used < PASS_BITS && coefficients < 64) {
      const unsigned found = find_code(&component->others, index << (16 - PASS_BITS + used) & 0xFFFF);
      const unsigned length = found & 255, run = found >> 12, size = found >> 8 & 15;
      if (!found || used + length > PASS_BITS || (size == 0 && run != 0 && run != 15)) break;
      used += length + size;
      if (size == 0 && run == 0) {
        coefficients += BLOCK_ENDS;
        break;
      }
      coefficients += run + 1;
    }
    component->passes[index] = (uint16_t)(used ? coefficients << 8 | used : UNKNOWN);
  }
}

/* Whether one of eight bytes is 0xFF. */
INLINE int has_marker_byte(uint64_t bytes) {
  return ((~bytes - 0x0101010101010101u) & bytes & 0x8080808080808080u) != 0;
}

/* Makes 56 bits or more available. What is behind a marker is none of this scan's. */
INLINE void fill(struct bit_reader *reader) {
  if (reader->end - reader->next >= 8) {
    uint64_t bytes;
    memcpy(&bytes, reader->next, 8);
    if (!has_marker_byte(bytes)) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      bytes = __builtin_bswap64(bytes);
#endif
      reader->bits |= bytes >> reader->count;
      reader->next += (63 - reader->count) >> 3;
      reader->count |= 56;
      return;
    }
  }
  while (reader->count < 56) {
    uint64_t byte = 0;
    if (reader->next == reader->end || (*reader->next == 0xFF && (reader->end - reader->next < 2 || reader->next[1] != 0))) {
      reader->missing += 8;
    } else {
      byte = *reader->next;
      reader->next += byte == 0xFF ? 2 : 1;
    }
    reader->bits |= byte << (56 - reader->count);
    reader->count += 8;
  }
}

INLINE void drop(struct bit_reader *reader, unsigned count) {
  reader->bits <<= count;
  reader->count -= (int)count;
}

/* Whether nothing but bits that fill the last byte is left before a marker. */
static int is_at_marker(struct bit_reader *reader, int marker) {
  fill(reader);
  const int left = reader->count - reader->missing;
  return left >= 0 && left < 8 && reader->end - reader->next >= 2 && reader->next[0] == 0xFF && reader->next[1] == marker;
}

/* The symbol of the next code, -1 where there is none; the bits must be there. */
INLINE int read_symbol(struct bit_reader *reader, const struct codes *codes) {
  const unsigned found = find_code(codes, (uint32_t)(reader->bits >> 48));
  drop(reader, found & 255);
  return found ? (int)(found >> 8) : -1;
}

/* A number of `size` bits (T.81, F.2.2.1). */
INLINE int32_t read_number(struct bit_reader *reader, unsigned size) {
  if (size == 0) return 0;
  const int32_t number = (int32_t)(reader->bits >> (64 - size));
  drop(reader, size);
  return number < 1 << (size - 1) ? number - (1 << size) + 1 : number;
}

/* Samples of 8 bits have coefficients of 11 bits, before they are divided by a step and rounded. */
INLINE int is_level(int32_t coefficient) { return coefficient >= -2048 && coefficient < 2048; }

/* The first coefficient before it is multiplied, from that of the block before. */
INLINE int read_level(struct bit_reader *reader, const struct component *component, int32_t *level) {
  const int size = read_symbol(reader, &component->first);
  if (size < 0) return 0;
  *level += read_number(reader, (unsigned)size);
  return is_level(*level) && is_level(*level * component->steps[0]);
}

/* Passes over the coefficients from number `k` on, one by one: at the end of a block, and where codes are long. */
static int pass_slowly(struct bit_reader *reader, const struct component *component, unsigned k) {
  while (k < 64) {
    fill(reader);
    const int symbol = read_symbol(reader, &component->others);
    if (symbol == 0) return 1;
    if (symbol < 0 || ((symbol & 15) == 0 && symbol != 0xF0)) return 0;
    drop(reader, symbol & 15);
    k += (unsigned)(symbol >> 4) + 1;
  }
  return k == 64;
}

/* Passes over the coefficients that follow the first. */
INLINE int pass(struct bit_reader *reader, const struct component *component) {
  unsigned k = 1, before;
  struct bit_reader back;
  for (;;) {
    // An entry takes PASS_BITS + LARGEST_COEFFICIENT bits at most, so that there are enough for two.
    fill(reader);
    for (int i = 0; i < 2; i++) {
      const unsigned entry = component->passes[reader->bits >> (64 - PASS_BITS)];
      back = *reader;
      before = k;
      drop(reader, entry & 63);
      k += entry >> 8;
      if (k >= 64) goto ended;
    }
  }
ended:
  // The last coefficient, or the code that says that there are no more: before that there are 1 to 63.
  if (k == 64 || k - (BLOCK_ENDS + 1) < 63) return 1;
  // Some of the codes are the next block's.
  *reader = back;
  return pass_slowly(reader, component, before);
}

/* All coefficients of a block but the first, times their steps. Whether it could be read; `any` tells whether there are any. */
INLINE int read_coefficients(struct bit_reader *reader, const struct component *component, int32_t *block, int *any) {
  *any = 0;
  for (unsigned k = 1; k < 64; k++) {
    fill(reader);
    const int symbol = read_symbol(reader, &component->others);
    if (symbol == 0) return 1;
    if (symbol < 0) return 0;
    const unsigned size = symbol & 15;
    k += (unsigned)symbol >> 4;
    if (size == 0 && symbol != 0xF0) return 0;
    if (k > 63) return 0;
    if (size == 0) continue;
    if (!*any) memset(block, 0, 64 * sizeof *block);
    *any = 1;
    const int place = zigzag[k];
    block[place] = read_number(reader, size) * component->steps[place];
    if (!is_level(block[place])) return 0;
  }
  return 1;
}

INLINE uint8_t clamp(int32_t level) { return (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level); }

INLINE int32_t rounded(int32_t value, int bits) { return (value + (1 << (bits - 1))) >> bits; }

/* Four times the root of 2 times the mean over the first half of the cosines of frequency 1, 3, 5 and 7, in 13 bits; over the second half
 * it is the opposite. The means of all even frequencies are 0. */
INLINE int32_t half_means(const int32_t *values, int stride) {
  return 29692 * values[stride] - 10426 * values[3 * stride] + 6967 * values[5 * stride] - 5906 * values[7 * stride];
}

/* The means of a block's quarters, rounded as libjpeg's transform to 2x2 values does. */
INLINE void split(const int32_t *block, uint8_t *out, size_t stride) {
  static const int columns[5] = {0, 1, 3, 5, 7};
  int32_t halves[2][8];
  for (int i = 0; i < 5; i++) {
    const int column = columns[i];
    const int32_t mean = block[column] * (1 << 15), change = half_means(block + column, 8);
    halves[0][column] = rounded(mean + change, 13);
    halves[1][column] = rounded(mean - change, 13);
  }
  for (int half = 0; half < 2; half++) {
    const int32_t mean = halves[half][0] * (1 << 15), change = half_means(halves[half], 1);
    out[(size_t)half * stride] = clamp(rounded(mean + change, 20) + 128);
    out[(size_t)half * stride + 1] = clamp(rounded(mean - change, 20) + 128);
  }
}

/* Whether the next marker is the restart that is due. */
static int restart(struct block_means *means, struct bit_reader *reader) {
  if (!is_at_marker(reader, 0xD0 + means->next_restart)) return 0;
  reader->next += 2;
  reader->bits = 0;
  reader->count = reader->missing = 0;
  means->next_restart = (means->next_restart + 1) & 7;
  means->units_to_restart = means->restart_interval;
  memset(means->levels, 0, sizeof means->levels);
  return 1;
}

INLINE int read_unit(struct block_means *means, struct bit_reader *reader, uint32_t unit) {
  const size_t stride = means->stride;
  const int unit_columns = means->component[0].across;
  for (int c = 0; c < means->components; c++) {
    const struct component *component = &means->component[c];
    uint8_t *out = means->planes + (size_t)(c * means->unit_rows) * stride + (size_t)unit * (size_t)unit_columns;
    for (int block = 0; block < component->across * component->down; block++) {
      fill(reader);
      if (!read_level(reader, component, &means->levels[c])) return 0;
      const int32_t level = means->levels[c] * component->steps[0];
      const uint8_t mean = clamp(rounded(level, 3) + 128);
      if (c == 0) {
        if (!pass(reader, component)) return 0;
        out[(size_t)(block / unit_columns) * stride + (size_t)(block % unit_columns)] = mean;
        continue;
      }
      if (component->is_split) {
        int32_t coefficients[64];
        int any;
        if (!read_coefficients(reader, component, coefficients, &any)) return 0;
        if (any) {
          coefficients[0] = level;
          split(coefficients, out, stride);
          continue;
        }
      } else if (!pass(reader, component)) {
        return 0;
      }
      for (int row = 0; row < means->unit_rows; row++) memset(out + (size_t)row * stride, mean, (size_t)unit_columns);
    }
  }
  return 1;
}

static int read_units(struct block_means *means) {
  struct bit_reader reader = means->reader;
  int is_regular = 1;
  for (uint32_t unit = 0; unit < means->units && is_regular; unit++) {
    if (means->restart_interval && means->units_to_restart == 0) is_regular = restart(means, &reader);
    is_regular = is_regular && read_unit(means, &reader, unit);
    means->units_to_restart--;
  }
  means->reader = reader;
  // Bits that were not there may have been taken for some.
  return is_regular && reader.count >= reader.missing;
}

/* JFIF's conversion, in 16 bits of fractions. */
static void write_rgb(const uint8_t *y, const uint8_t *cb, const uint8_t *cr, uint32_t width, uint8_t *rgb) {
  enum { AT_ONCE = 64 };
  for (uint32_t x = 0; x < width; x += AT_ONCE) {
    uint8_t red[AT_ONCE], green[AT_ONCE], blue[AT_ONCE];
    const uint32_t count = width - x < AT_ONCE ? width - x : AT_ONCE;
    for (uint32_t i = 0; i < AT_ONCE; i++) {
      const int32_t b = cb[x + i] - 128, r = cr[x + i] - 128;
      red[i] = clamp(y[x + i] + rounded(91881 * r, 16));
      green[i] = clamp(y[x + i] + rounded(-22554 * b - 46802 * r, 16));
      blue[i] = clamp(y[x + i] + rounded(116130 * b, 16));
    }
    for (uint32_t i = 0; i < count; i++, rgb += 3) {
      rgb[0] = red[i];
      rgb[1] = green[i];
      rgb[2] = blue[i];
    }
  }
}

uint32_t block_means_read(struct block_means *means, uint8_t *rows, uint32_t count) {
  const uint32_t width = (means->width + 7) / 8, height = (means->height + 7) / 8;
  uint32_t done = 0;
  for (; done < count && means->row < height; done++) {
    if (means->row_in_units == means->unit_rows) {
      if (!read_units(means)) return done;
      means->row_in_units = 0;
    }
    if (rows) {
      const uint8_t *y = means->planes + (size_t)means->row_in_units * means->stride;
      const size_t plane = (size_t)means->unit_rows * means->stride;
      if (means->components == 3) {
        write_rgb(y, y + plane, y + 2 * plane, width, rows);
      } else {
        for (uint32_t x = 0; x < width; x++) memset(rows + 3 * x, y[x], 3);
      }
      rows += (size_t)width * 3;
    }
    means->row++;
    means->row_in_units++;
  }
  return done;
}

int block_means_at_end(struct block_means *means) { return is_at_marker(&means->reader, 0xD9); }

struct block_means *block_means_open(const struct block_means_file *file) {
  const struct block_means_component *luminance = &file->component[0];
  const int across = file->components == 1 ? 1 : luminance->across, down = file->components == 1 ? 1 : luminance->down;
  if ((file->components != 1 && file->components != 3) || across < 1 || across > 2 || down < 1 || down > 2) return NULL;
  struct block_means *means = calloc(1, sizeof *means + (size_t)file->components * sizeof(struct component));
  if (!means) return NULL;
  means->width = file->width;
  means->height = file->height;
  means->components = file->components;
  means->units = (file->width + 8 * (uint32_t)across - 1) / (8 * (uint32_t)across);
  means->unit_rows = means->row_in_units = down;
  means->restart_interval = means->units_to_restart = file->restart_interval;
  means->reader.next = file->bytes;
  means->reader.end = file->bytes + file->count;
  // Colours are converted 64 at a time.
  means->stride = ((size_t)means->units * (size_t)across + 63) / 64 * 64;
  means->planes = calloc((size_t)file->components * (size_t)down, means->stride);
  int is_regular = means->planes != NULL;
  for (int c = 0; c < file->components && is_regular; c++) {
    struct component *component = &means->component[c];
    const struct block_means_component *described = &file->component[c];
    component->across = c == 0 ? across : 1;
    component->down = c == 0 ? down : 1;
    is_regular = c == 0 || (described->across == 1 && described->down == 1);
    component->is_split = c > 0 && across == 2 && down == 2;
    for (int i = 0; i < 64; i++) {
      is_regular = is_regular && described->steps[i] <= 255;
      component->steps[i] = (int16_t)described->steps[i];
    }
    is_regular = is_regular && build_codes(&component->first, described->first, 1) && build_codes(&component->others, described->others, 0);
    if (is_regular && !component->is_split) build_passes(component);
  }
  if (is_regular) return means;
  block_means_close(means);
  return NULL;
}

void block_means_close(struct block_means *means) {
  if (!means) return;
  free(means->planes);
  free(means);
}
