// What the processor can be told and Swift has no word for.
#ifndef KEYVAL_CPROCESSOR_SHIM_H
#define KEYVAL_CPROCESSOR_SHIM_H

// Has the cache line at an address fetched. A hint: nothing is read, and no address is wrong.
static inline void keyval_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

#endif
