#include "lazy_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The first of the names that can be opened; NULL when none can. */
static void *open_first(const char *names) {
  while (*names) {
    char name[64];
    const size_t length = strcspn(names, " ");
    snprintf(name, sizeof name, "%.*s", (int)length, names);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle) return handle;
    names += length;
    names += strspn(names, " ");
  }
  return NULL;
}

const char *lazy_library_problem(struct lazy_library *library) {
  pthread_mutex_lock(&library->mutex);
  if (!library->handle) {
    const int length = (int)strcspn(library->file, " ");
    void *handle = open_first(library->file);
    if (!handle) {
      const char *reason = dlerror();
      // Callers read the line without the lock, so that it is written once.
      if (!library->problem[0])
        snprintf(library->problem, sizeof library->problem, "the library %.*s cannot be loaded; install %s (%s)", length,
                 library->file, library->package, reason ? reason : "no reason given");
    }
    for (const char *const *name = library->functions; handle && *name; name++) {
      if (dlsym(handle, *name)) continue;
      if (!library->problem[0])
        snprintf(library->problem, sizeof library->problem,
                 "the library %.*s has no function %s; install another version of %s", length, library->file, *name,
                 library->package);
      dlclose(handle);
      handle = NULL;
      break;
    }
    library->handle = handle;
  }
  const char *problem = library->handle ? NULL : library->problem;
  pthread_mutex_unlock(&library->mutex);
  return problem;
}

void *lazy_library_function(struct lazy_library *library, const char *name) {
  pthread_mutex_lock(&library->mutex);
  void *handle = library->handle;
  pthread_mutex_unlock(&library->mutex);
  return handle ? dlsym(handle, name) : NULL;
}
