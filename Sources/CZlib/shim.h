/* Without the system's headers, which would become this module's in every file that imports both it and Glibc. */
#define Z_SOLO
#include <zlib.h>

/* zlib.h leaves these two out with them. */
int compress2(Bytef *dest, uLong *destLen, const Bytef *source, uLong sourceLen, int level);
uLong compressBound(uLong sourceLen);
