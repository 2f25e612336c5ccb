/* The functions of OpenBLAS that the networks and projections need, each handed on to the library, which is opened
 * with the first call: at its start it makes threads and buffers that a migration or a search has no use for. */
#include "COpenBLAS.h"

#include "lazy_library.h"

#include <math.h>

static struct lazy_library openblas = LAZY_LIBRARY("libopenblas.so.0", "libopenblas0",
                 "openblas_set_num_threads",
                 "cblas_sgemm",
                 "cblas_dgemm",
                 "cblas_sgemv",
                 "dsyevd_");

const char *adbvec_openblas_problem(void) { return lazy_library_problem(&openblas); }

/* Results of a call without the library: not a number, so that nobody takes them for an answer. */
static void no_floats(float *c, blasint rows, blasint columns, blasint stride) {
  for (blasint row = 0; row < rows; row++)
    for (blasint column = 0; column < columns; column++) c[row * stride + column] = NAN;
}

static void no_doubles(double *c, blasint rows, blasint columns, blasint stride) {
  for (blasint row = 0; row < rows; row++)
    for (blasint column = 0; column < columns; column++) c[row * stride + column] = NAN;
}

void openblas_set_num_threads(int count) {
  LAZY_REAL(&openblas, openblas_set_num_threads)
  real(count);
}

void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, blasint m, blasint n, blasint k,
                 float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c,
                 blasint ldc) {
  LAZY_REAL(&openblas, cblas_sgemm, order == CblasRowMajor ? no_floats(c, m, n, ldc) : no_floats(c, n, m, ldc))
  real(order, left, right, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_dgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE left, CBLAS_TRANSPOSE right, blasint m, blasint n, blasint k,
                 double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta, double *c,
                 blasint ldc) {
  LAZY_REAL(&openblas, cblas_dgemm, order == CblasRowMajor ? no_doubles(c, m, n, ldc) : no_doubles(c, n, m, ldc))
  real(order, left, right, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_sgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE transpose, blasint m, blasint n, float alpha, const float *a,
                 blasint lda, const float *x, blasint incx, float beta, float *y, blasint incy) {
  LAZY_REAL(&openblas, cblas_sgemv, no_floats(y, transpose == CblasNoTrans ? m : n, 1, incy))
  real(order, transpose, m, n, alpha, a, lda, x, incx, beta, y, incy);
}

void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info) {
  *info = -1;
  LAZY_REAL(&openblas, dsyevd_)
  real(jobz, uplo, n, a, lda, w, work, lwork, iwork, liwork, info);
}
