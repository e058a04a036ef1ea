// What Swift cannot call of Linux: variadic functions, flags that the C library shows to _GNU_SOURCE only, and system
// calls that older C libraries have no name for. Nothing here decides anything; it only names.
#ifndef KEYVAL_CLOCALTRUST_SHIM_H
#define KEYVAL_CLOCALTRUST_SHIM_H

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// O_PATH: a place in the file system, neither read nor followed. The same number on every architecture of Linux
// that Swift runs on.
static const int keyval_path_only = 010000000;

// S_ISVTX: in such a folder only owners take names away.
static const unsigned keyval_sticky = 01000;

// Both since Linux 5.3, under the same numbers everywhere.
static inline int keyval_pidfd_open(pid_t pid) { return (int)syscall(434, pid, 0u); }
static inline int keyval_pidfd_send_signal(int process, int signal) {
  return (int)syscall(424, process, signal, NULL, 0u);
}

// No core file, and nobody but root attaches to the process or reads its memory under /proc.
static inline int keyval_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
static inline int keyval_may_be_dumped(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }
static inline int keyval_forbid_core_files(void) {
  const struct rlimit none = {0, 0};
  return setrlimit(RLIMIT_CORE, &none);
}

#endif
