/* The functions of OpenBLAS that the networks and projections need, each handed on to the library, which is opened
 * with the first call: at its start it makes threads and buffers that a migration or a search has no use for. */
#include "COpenBLAS.h"

#include "lazy_library.h"

static struct lazy_library openblas = LAZY_LIBRARY("libopenblas.so.0", "libopenblas0");

const char *adbvec_openblas_problem(void) { return lazy_library_problem(&openblas); }

void openblas_set_num_threads(int count) {
  LAZY_REAL(&openblas, openblas_set_num_threads)
  real(count);
}

void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, blasint m, blasint n, blasint k,
                 float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc) {
  LAZY_REAL(&openblas, cblas_sgemm)
  real(order, left, right, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_dgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, blasint m, blasint n, blasint k,
                 double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta, double *c,
                 blasint ldc) {
  LAZY_REAL(&openblas, cblas_dgemm)
  real(order, left, right, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_sgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose, blasint m, blasint n, float alpha, const float *a,
                 blasint lda, const float *x, blasint incx, float beta, float *y, blasint incy) {
  LAZY_REAL(&openblas, cblas_sgemv)
  real(order, transpose, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info) {
  LAZY_REAL(&openblas, dsyevd_)
  real(jobz, uplo, n, a, lda, w, work, lwork, iwork, liwork, info);
}
