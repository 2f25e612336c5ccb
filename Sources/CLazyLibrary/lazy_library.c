#include "lazy_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

const char *lazy_library_problem(struct lazy_library *library) {
  pthread_mutex_lock(&library->mutex);
  if (!library->handle) {
    library->handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (!library->handle) {
      const char *reason = dlerror();
      snprintf(library->problem, sizeof library->problem, "the library %s cannot be loaded; install %s (%s)",
               library->file, library->package, reason ? reason : "no reason given");
    }
  }
  const char *problem = library->handle ? NULL : library->problem;
  pthread_mutex_unlock(&library->mutex);
  return problem;
}

void *lazy_library_function(struct lazy_library *library, const char *name) {
  const char *problem = lazy_library_problem(library);
  void *function = problem ? NULL : dlsym(library->handle, name);
  if (function) return function;
  if (problem) {
    fprintf(stderr, "error: %s\n", problem);
  } else {
    fprintf(stderr, "error: the library %s has no function %s; install another version of %s\n", library->file, name,
            library->package);
  }
  exit(1);
}
