// What Swift's module of the C library leaves out: the settings of its allocator.
#ifndef KEYVAL_CALLOCATOR_SHIM_H
#define KEYVAL_CALLOCATOR_SHIM_H

#include <malloc.h>

#endif
