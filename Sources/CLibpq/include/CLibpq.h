#ifndef ADBVEC_CLIBPQ_H
#define ADBVEC_CLIBPQ_H

#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h>
#endif

/* NULL when libpq can be used; else one line that says why not. Opens it, which takes some milliseconds, and has OpenSSL made
 * ready for a connection with a password. */
const char *adbvec_libpq_problem(void);

/* Begins to open it on a thread of its own, and returns at once. */
void adbvec_libpq_open_ahead(void);

#endif
