// What <spawn.h> of the GNU C library shows to _GNU_SOURCE only, which Swift's import of it does not define.
#include <spawn.h>

// Since version 2.34.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// POSIX_SPAWN_SETSID
static const short keyval_spawn_new_session = 0x80;
