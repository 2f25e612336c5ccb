#ifndef ADBVEC_LAZY_LIBRARY_H
#define ADBVEC_LAZY_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>

/* A shared library that is opened when its first function is called, not when the process starts: libraries for
 * images and matrices bring dozens of others along, and most commands need none of them. */
struct lazy_library {
  /* What the loader looks for, such as "libgd.so.3". */
  const char *file;
  /* The package that brings it. */
  const char *package;
  pthread_mutex_t mutex;
  void *handle;
  char problem[512];
};

#define LAZY_LIBRARY(file_name, package_name) \
  { .file = (file_name), .package = (package_name), .mutex = PTHREAD_MUTEX_INITIALIZER }

/* Opens the library; NULL, or one line that says why it cannot be had and what to install. */
const char *lazy_library_problem(struct lazy_library *library);

/* A function of the library. Ends the process with one line when there is none: callers ask for the problem first. */
void *lazy_library_function(struct lazy_library *library, const char *name);

/* Inside a function with the name and type of the library's own: `real`, a pointer to that one. */
#define LAZY_REAL(library, name)                                                  \
  static _Atomic(__typeof__(&name)) known;                                        \
  __typeof__(&name) real = atomic_load_explicit(&known, memory_order_relaxed);    \
  if (!real) {                                                                    \
    real = (__typeof__(&name))lazy_library_function((library), #name);            \
    atomic_store_explicit(&known, real, memory_order_relaxed);                    \
  }

#endif
