#ifndef ADBVEC_COPENBLAS_H
#define ADBVEC_COPENBLAS_H

#include <cblas.h>

/* OpenBLAS carries LAPACK's Fortran entry points; Debian ships their C header in another package. */
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info);

/* NULL when OpenBLAS can be used; else one line that says why not. Its functions are only called after that. */
const char *adbvec_openblas_problem(void);

#endif
