#ifndef ADBVEC_CYAML_H
#define ADBVEC_CYAML_H

#include <yaml.h>

/* NULL when libyaml can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_yaml_problem(void);

#endif
