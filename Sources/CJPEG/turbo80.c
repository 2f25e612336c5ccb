#define VERSION 80
#define FILE_NAME "libjpeg.so.8"
#define PACKAGE_NAME "libjpeg-turbo8"
#define INTERFACE adbvec_jpeg_80
#include "turbo.h"
