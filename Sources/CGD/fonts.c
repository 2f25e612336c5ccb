/* Which font has a character: what the grids ask fontconfig, which is opened when it is first asked. Its few types are
 * opaque here, so that its headers are not needed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "CGD.h"
#include "lazy_library.h"

typedef struct _FcConfig FcConfig;
typedef struct _FcPattern FcPattern;
typedef struct _FcCharSet FcCharSet;
typedef struct {
  int count, capacity;
  FcPattern **fonts;
} FcFontSet;

FcPattern *FcNameParse(const unsigned char *name);
int FcConfigSubstitute(FcConfig *config, FcPattern *pattern, int kind);
void FcDefaultSubstitute(FcPattern *pattern);
FcCharSet *FcCharSetCreate(void);
int FcCharSetAddChar(FcCharSet *set, unsigned int character);
int FcCharSetHasChar(const FcCharSet *set, unsigned int character);
FcCharSet *FcCharSetCopy(FcCharSet *set);
void FcCharSetDestroy(FcCharSet *set);
int FcPatternAddCharSet(FcPattern *pattern, const char *object, const FcCharSet *set);
int FcPatternGetCharSet(const FcPattern *pattern, const char *object, int n, FcCharSet **set);
int FcPatternGetString(const FcPattern *pattern, const char *object, int n, unsigned char **text);
int FcPatternGetBool(const FcPattern *pattern, const char *object, int n, int *value);
void FcPatternDestroy(FcPattern *pattern);
FcFontSet *FcFontSort(FcConfig *config, FcPattern *pattern, int trim, FcCharSet **set, int *result);
void FcFontSetDestroy(FcFontSet *set);
FcPattern *FcFreeTypeQuery(const unsigned char *file, unsigned int index, void *blanks, int *count);

static struct lazy_library fontconfig = LAZY_LIBRARY("libfontconfig.so.1", "libfontconfig1", "FcNameParse",
  "FcConfigSubstitute", "FcDefaultSubstitute", "FcCharSetCreate", "FcCharSetAddChar", "FcCharSetHasChar",
  "FcCharSetCopy", "FcCharSetDestroy", "FcPatternAddCharSet", "FcPatternGetCharSet", "FcPatternGetString",
  "FcPatternGetBool", "FcPatternDestroy", "FcFontSort", "FcFontSetDestroy", "FcFreeTypeQuery");

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

#define FC(name) ((__typeof__(&name))lazy_library_function(&fontconfig, #name))

static int has(const FcPattern *font, unsigned int character) {
  FcCharSet *set = NULL;
  return FC(FcPatternGetCharSet)(font, "charset", 0, &set) == 0 && FC(FcCharSetHasChar)(set, character);
}

static char *file_of(const FcPattern *font) {
  unsigned char *file = NULL;
  return FC(FcPatternGetString)(font, "file", 0, &file) == 0 ? strdup((const char *)file) : NULL;
}

/* Outlines are what libgd draws. */
static int is_outline(const FcPattern *font) {
  int value = 0;
  return FC(FcPatternGetBool)(font, "outline", 0, &value) == 0 && value;
}

static int is_coloured(const FcPattern *font) {
  int value = 0;
  return FC(FcPatternGetBool)(font, "color", 0, &value) == 0 && value;
}

static char *search(FcPattern *wanted, unsigned int character, int (*fits)(const FcPattern *font)) {
  FcCharSet *set = FC(FcCharSetCreate)();
  FC(FcCharSetAddChar)(set, character);
  FC(FcPatternAddCharSet)(wanted, "charset", set);
  FC(FcConfigSubstitute)(NULL, wanted, 0);
  FC(FcDefaultSubstitute)(wanted);
  int result = 0;
  FcFontSet *fonts = FC(FcFontSort)(NULL, wanted, 0, NULL, &result);
  char *file = NULL;
  for (int i = 0; fonts && i < fonts->count && !file; i++) {
    if (has(fonts->fonts[i], character) && fits(fonts->fonts[i])) file = file_of(fonts->fonts[i]);
  }
  if (fonts) FC(FcFontSetDestroy)(fonts);
  FC(FcCharSetDestroy)(set);
  return file;
}

static char *find(const char *pattern, unsigned int character, int (*fits)(const FcPattern *font)) {
  if (lazy_library_problem(&fontconfig)) return NULL;
  pthread_mutex_lock(&one_at_a_time);
  FcPattern *wanted = FC(FcNameParse)((const unsigned char *)pattern);
  char *file = wanted ? search(wanted, character, fits) : NULL;
  if (wanted) FC(FcPatternDestroy)(wanted);
  pthread_mutex_unlock(&one_at_a_time);
  return file;
}

char *adbvec_font_file(const char *pattern, unsigned int character) { return find(pattern, character, is_outline); }

char *adbvec_colour_font_file(unsigned int character) { return find("emoji", character, is_coloured); }

/* The characters of the fonts that were asked for last: a grid asks for one or two. */
static struct {
  char *file;
  FcCharSet *set;
} known[4];
static unsigned int next_known;

static FcCharSet *characters(const char *file) {
  for (int i = 0; i < 4; i++) {
    if (known[i].file && strcmp(known[i].file, file) == 0) return known[i].set;
  }
  int count = 0;
  FcPattern *font = FC(FcFreeTypeQuery)((const unsigned char *)file, 0, NULL, &count);
  if (!font) return NULL;
  FcCharSet *set = NULL;
  if (FC(FcPatternGetCharSet)(font, "charset", 0, &set) != 0) set = NULL;
  if (set) {
    unsigned int place = next_known++ % 4;
    if (known[place].file) {
      free(known[place].file);
      FC(FcCharSetDestroy)(known[place].set);
    }
    known[place].file = strdup(file);
    known[place].set = set = FC(FcCharSetCopy)(set);
  }
  FC(FcPatternDestroy)(font);
  return set;
}

int adbvec_font_has(const char *file, unsigned int character) {
  if (lazy_library_problem(&fontconfig)) return -1;
  pthread_mutex_lock(&one_at_a_time);
  FcCharSet *set = characters(file);
  int answer = set ? FC(FcCharSetHasChar)(set, character) != 0 : -1;
  pthread_mutex_unlock(&one_at_a_time);
  return answer;
}
