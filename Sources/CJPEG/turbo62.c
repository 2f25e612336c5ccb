#define VERSION 62
#define FILE_NAME "libjpeg.so.62"
#define PACKAGE_NAME "libjpeg62-turbo"
#define INTERFACE adbvec_jpeg_62
#include "turbo.h"
