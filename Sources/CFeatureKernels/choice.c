#define _DEFAULT_SOURCE
#include <stddef.h>
#include <sys/mman.h>

#include "feature_kernels.h"

extern const cfk_kernels cfk_portable;
#if defined(__x86_64__)
extern const cfk_kernels cfk_avx2, cfk_avx512;
#endif

const cfk_kernels *cfk_kernels_for(int level) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  if (level == 2) return avx512 ? &cfk_avx512 : NULL;
  if (level == 1) return avx2 ? &cfk_avx2 : NULL;
#endif
  return level == 0 ? &cfk_portable : NULL;
}

void cfk_advise_huge_pages(void *memory, unsigned long bytes) {
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);
#else
  (void)memory, (void)bytes;
#endif
}
