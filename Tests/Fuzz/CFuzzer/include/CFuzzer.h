// What the fuzzer needs of C: its library, whose header Swift toolchains do not map, and a count of what is asked of
// the heap.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// libFuzzer's main loop. It takes its arguments, calls `one` with inputs, and returns when the time is over.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*one)(const uint8_t *bytes, size_t count));

/// The bytes that this thread has asked the heap for so far, all in all: what it gave back is not taken off.
size_t keyval_requested_bytes(void);
