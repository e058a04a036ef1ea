// What a client of redis-server needs of OpenSSL's TLS, and of epoll, whose names Swift does not take over.
#ifndef KEYVAL_BENCHMARKS_TLS_SHIM_H
#define KEYVAL_BENCHMARKS_TLS_SHIM_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

// Macros of OpenSSL, for Swift.
static inline int benchmark_tls_13_only(SSL_CTX *context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
}

static inline void benchmark_tls_partial_writes(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline int benchmark_epoll_new(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int benchmark_epoll_add(int poll, int descriptor, uint64_t number) {
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };
  return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

// The numbers of descriptors that have something to read; at most 64. epoll_wait itself takes milliseconds only.
static inline int benchmark_epoll_wait(int poll, uint64_t *numbers, int64_t nanoseconds) {
  struct epoll_event events[64];
  struct timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
  int count = epoll_pwait2(poll, events, 64, &time, NULL);
  for (int index = 0; index < count; index++) numbers[index] = events[index].data.u64;
  return count;
}

#endif
