#ifndef CTEMPLATES_H
#define CTEMPLATES_H

#include <stddef.h>

/// One file of the folder `templates`, as it was when the program was built.
struct adbvec_template {
  /// `page.mustache`.
  const char *name;
  const unsigned char *bytes;
  size_t count;
};

const struct adbvec_template *adbvec_templates(void);
size_t adbvec_templates_count(void);

#endif
