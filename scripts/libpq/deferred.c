/* Stand-ins for what libpq takes from OpenSSL, Kerberos and OpenLDAP, in a static libpq.
 *
 * Linked as usual, those three bring twenty shared libraries into every start, for connections that mostly need none of
 * them. Here each of their functions is a jump through a pointer, which at first leads to code that opens the library,
 * finds the function and changes the pointer. `deferred_symbols.h` is made by `build` from the archives' undefined symbols.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lazy_library.h"

#if !defined(__x86_64__)
#error "the jumps are written for x86-64; other machines link the shared libpq"
#endif

#define HIDDEN __attribute__((visibility("hidden")))

struct deferred {
  void *target;
  struct lazy_library *library;
  const char *name;
};

/* Called from the jumps below with the registers of the caller saved. */
HIDDEN void *deferred_resolve(struct deferred *deferred) {
  void *function = lazy_library_function(deferred->library, deferred->name);
  __atomic_store_n(&deferred->target, function, __ATOMIC_RELEASE);
  return function;
}

/* The argument registers of the System V calling convention, and %al, which counts vector arguments. %r11 is free for
 * such glue (AMD64 ABI, figure 3.4); it holds the address of the `struct deferred`. */
__asm__(
    ".text\n"
    ".type deferred_call, @function\n"
    "deferred_call:\n"
    "  pushq %rbp\n"
    "  movq %rsp, %rbp\n"
    "  subq $192, %rsp\n"
    "  movq %rdi, -8(%rbp)\n  movq %rsi, -16(%rbp)\n  movq %rdx, -24(%rbp)\n  movq %rcx, -32(%rbp)\n"
    "  movq %r8, -40(%rbp)\n  movq %r9, -48(%rbp)\n  movq %rax, -56(%rbp)\n"
    "  movups %xmm0, -80(%rbp)\n  movups %xmm1, -96(%rbp)\n  movups %xmm2, -112(%rbp)\n  movups %xmm3, -128(%rbp)\n"
    "  movups %xmm4, -144(%rbp)\n  movups %xmm5, -160(%rbp)\n  movups %xmm6, -176(%rbp)\n  movups %xmm7, -192(%rbp)\n"
    "  movq %r11, %rdi\n"
    "  call deferred_resolve\n"
    "  movq %rax, %r11\n"
    "  movq -8(%rbp), %rdi\n  movq -16(%rbp), %rsi\n  movq -24(%rbp), %rdx\n  movq -32(%rbp), %rcx\n"
    "  movq -40(%rbp), %r8\n  movq -48(%rbp), %r9\n  movq -56(%rbp), %rax\n"
    "  movups -80(%rbp), %xmm0\n  movups -96(%rbp), %xmm1\n  movups -112(%rbp), %xmm2\n  movups -128(%rbp), %xmm3\n"
    "  movups -144(%rbp), %xmm4\n  movups -160(%rbp), %xmm5\n  movups -176(%rbp), %xmm6\n  movups -192(%rbp), %xmm7\n"
    "  leave\n"
    "  jmp *%r11\n");

#define DEFERRED_LIBRARY(library, file_name, package_name) \
  static struct lazy_library library = LAZY_LIBRARY(file_name, package_name);

/* The function is known here by `symbol` and in the library by `function`. */
#define DEFER_AS(deferred_library, symbol, function)                                           \
  extern char first_##function[] HIDDEN;                                                       \
  HIDDEN struct deferred deferred_##function = {first_##function, &deferred_library, #function}; \
  __asm__(                                                                                     \
      ".text\n"                                                                                \
      ".globl " #symbol "\n.hidden " #symbol "\n.type " #symbol ", @function\n" #symbol ":\n"  \
      "  jmp *deferred_" #function "(%rip)\n"                                                  \
      ".globl first_" #function "\n.hidden first_" #function "\nfirst_" #function ":\n"        \
      "  leaq deferred_" #function "(%rip), %r11\n"                                            \
      "  jmp deferred_call\n");

#define DEFER(deferred_library, function) DEFER_AS(deferred_library, function, function)

#include "deferred_symbols.h"

#ifdef DEFERS_KERBEROS

/* {iso(1) member-body(2) US(840) mit(113554) infosys(1) gssapi(2) generic(1) service_name(4)}, RFC 2744, 5 */
static struct {
  uint32_t length;
  void *elements;
} host_based_service = {10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"};
HIDDEN void *GSS_C_NT_HOSTBASED_SERVICE = &host_based_service;

/* Whether anything suggests Kerberos: its settings, a configuration, or the cache where credentials are by default. */
static int may_have_credentials(void) {
  static const char *const variables[] = {"KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME", "GSS_USE_PROXY"};
  for (size_t index = 0; index < sizeof variables / sizeof *variables; index++) {
    if (getenv(variables[index])) return 1;
  }
  char cache[64];
  struct stat information;
  snprintf(cache, sizeof cache, "/tmp/krb5cc_%u", (unsigned)getuid());
  return stat("/etc/krb5.conf", &information) == 0 || stat(cache, &information) == 0;
}

uint32_t deferred_gss_acquire_cred_jump(uint32_t *, void *, uint32_t, void *, int, void *, void *, uint32_t *);

/* libpq asks before every connection over TCP whether there are credentials (gssencmode=prefer). Most machines have no
 * Kerberos at all, and need not open its libraries to hear that. */
HIDDEN uint32_t gss_acquire_cred(uint32_t *minor, void *name, uint32_t time, void *mechanisms, int usage, void *credentials,
                                 void *actual, uint32_t *time_left) {
  if (!may_have_credentials() || lazy_library_problem(deferred_gss_acquire_cred.library)) {
    *minor = 0;
    return 7u << 16; /* GSS_S_NO_CRED, RFC 2744, 3.9.1 */
  }
  return deferred_gss_acquire_cred_jump(minor, name, time, mechanisms, usage, credentials, actual, time_left);
}

#endif
