// The functions of the C library that give out memory, as glibc has them, with a count before each. Swift, OpenSSL and
// Foundation all end up here.
#include "CFuzzer.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local size_t requested;

size_t keyval_requested_bytes(void) { return requested; }

void *malloc(size_t size) {
  requested += size;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (!__builtin_mul_overflow(count, size, &bytes)) requested += bytes;
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  requested += size;
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  requested += size;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  requested += size;
  *block = __libc_memalign(alignment, size);
  return *block == NULL ? 12 /* ENOMEM */ : 0;
}
