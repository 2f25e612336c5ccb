#include "lazy_library.h"

#include <dlfcn.h>
#include <stdio.h>

const char *lazy_library_problem(struct lazy_library *library) {
  pthread_mutex_lock(&library->mutex);
  if (!library->handle) {
    void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char *reason = dlerror();
      snprintf(library->problem, sizeof library->problem, "the library %s cannot be loaded; install %s (%s)",
               library->file, library->package, reason ? reason : "no reason given");
    }
    for (const char *const *name = library->functions; handle && *name; name++) {
      if (dlsym(handle, *name)) continue;
      snprintf(library->problem, sizeof library->problem,
               "the library %s has no function %s; install another version of %s", library->file, *name,
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
