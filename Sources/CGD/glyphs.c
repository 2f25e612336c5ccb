/* Glyphs that are images, as fonts of coloured emoji have them: libgd draws outlines alone. FreeType is opened when the
 * first is drawn. What is read of its structs is declared up to the last field that is used, as it is since version 2.5,
 * so that its headers are not needed. */
#include <stdlib.h>
#include <string.h>

#include "CGD.h"
#include "lazy_library.h"

struct generic {
  void *data, *finalizer;
};

struct strike {
  short height, width;
  long size, x_ppem, y_ppem;
};

struct bitmap {
  unsigned rows, width;
  int pitch;
  unsigned char *buffer;
  unsigned short grays;
  unsigned char mode, palette_mode;
  void *palette;
};

struct slot {
  void *library, *face, *next;
  unsigned index;
  struct generic generic;
  long metrics[8], linear_advances[2];
  struct {
    long x, y;
  } advance;
  int format;
  struct bitmap bitmap;
  int left, top;
};

struct face {
  long faces, index, flags, style, glyphs;
  char *family, *style_name;
  int strike_count;
  struct strike *strikes;
  int charmap_count;
  void *charmaps;
  struct generic generic;
  long box[4];
  unsigned short units;
  short measures[7];
  struct slot *glyph;
};

enum { COLOURED = 1 << 20, BGRA = 7 };

int FT_Init_FreeType(void **library);
int FT_Done_FreeType(void *library);
int FT_New_Face(void *library, const char *file, long index, struct face **face);
int FT_Select_Size(struct face *face, int strike);
int FT_Load_Char(struct face *face, unsigned long character, int flags);

static struct lazy_library freetype = LAZY_LIBRARY("libfreetype.so.6", "libfreetype6", "FT_Init_FreeType",
  "FT_Done_FreeType", "FT_New_Face", "FT_Select_Size", "FT_Load_Char");

#define FT(name) ((__typeof__(&name))lazy_library_function(&freetype, #name))

static int copy(const struct face *face, struct adbvec_glyph *glyph) {
  const struct bitmap *bitmap = &face->glyph->bitmap;
  if (bitmap->mode != BGRA || bitmap->rows == 0 || bitmap->width == 0 || bitmap->rows > 1024 || bitmap->width > 1024 ||
      bitmap->pitch < (int)bitmap->width * 4) {
    return 0;
  }
  glyph->pixels = malloc((size_t)bitmap->rows * bitmap->width * 4);
  if (!glyph->pixels) return 0;
  for (unsigned row = 0; row < bitmap->rows; row++) {
    memcpy(glyph->pixels + (size_t)row * bitmap->width * 4, bitmap->buffer + (size_t)row * (size_t)bitmap->pitch,
           (size_t)bitmap->width * 4);
  }
  glyph->width = (int)bitmap->width;
  glyph->height = (int)bitmap->rows;
  glyph->left = face->glyph->left;
  glyph->top = face->glyph->top;
  glyph->advance = (int)(face->glyph->advance.x >> 6);
  glyph->size = (int)(face->strikes[0].y_ppem >> 6);
  return 1;
}

int adbvec_font_glyph(const char *file, unsigned int character, struct adbvec_glyph *glyph) {
  void *library = NULL;
  struct face *face = NULL;
  if (lazy_library_problem(&freetype) || FT(FT_Init_FreeType)(&library) != 0) return 0;
  int found = FT(FT_New_Face)(library, file, 0, &face) == 0 && face->strike_count > 0 &&
              FT(FT_Select_Size)(face, 0) == 0 && FT(FT_Load_Char)(face, character, COLOURED) == 0 && copy(face, glyph);
  /* The face goes with its library. */
  FT(FT_Done_FreeType)(library);
  return found;
}
