#ifndef ADBVEC_CGD_H
#define ADBVEC_CGD_H

#include <gd.h>

/* NULL when libgd can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_gd_problem(void);

#endif
