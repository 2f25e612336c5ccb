#ifndef ADBVEC_LAZY_LIBRARY_H
#define ADBVEC_LAZY_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>

/* A shared library that is opened when it is first asked for, not when the process starts: libraries for images and
 * matrices bring dozens of others along, and most commands need none of them. */
struct lazy_library {
  /* What the loader looks for, such as "libgd.so.3"; where more than one version fits, their names with blanks between them. */
  const char *file;
  /* The package that installs it. */
  const char *package;
  /* The functions that must be there; ends with NULL. */
  const char *const *functions;
  pthread_mutex_t mutex;
  void *handle;
  char problem[512];
};

/* File, package, then the names of the functions that are used. */
#define LAZY_LIBRARY(file_name, package_name, ...)         \
  {                                                        \
    .file = (file_name), .package = (package_name),        \
    .functions = (const char *const[]){__VA_ARGS__, NULL}, \
    .mutex = PTHREAD_MUTEX_INITIALIZER                     \
  }

/* Opens the library; NULL, or one line that says why it cannot be used and what to install. Callers ask this, and
 * report the line, before they call a function. */
const char *lazy_library_problem(struct lazy_library *library);

/* A function of the library; NULL when the library is not open or has no such function. */
void *lazy_library_function(struct lazy_library *library, const char *name);

/* Inside a function with the name and type of the library's own: `real`, a pointer to that one. Without it the function
 * returns, with the value given behind the name: a library never ends its host's process. */
#define LAZY_REAL(library, name, ...)                                             \
  static _Atomic(__typeof__(&name)) known;                                        \
  __typeof__(&name) real = atomic_load_explicit(&known, memory_order_relaxed);    \
  if (!real) {                                                                    \
    real = (__typeof__(&name))lazy_library_function((library), #name);            \
    if (!real) return __VA_ARGS__;                                                \
    atomic_store_explicit(&known, real, memory_order_relaxed);                    \
  }

#endif
