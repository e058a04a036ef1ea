// libedit's readline interface. Its settings are mutable globals, which Swift 6 refuses to touch: the
// functions here set them, called from one thread only.
#include <stdio.h>
#include <stdlib.h>
#include <locale.h>
#include <editline/readline.h>

// Signals stay the business of the program: without this, libedit installs handlers of its own while a line is
// read and sends what it catches to the whole process group.
static inline void keyval_editline_prepare(const char *name, rl_completion_func_t *complete) {
  rl_readline_name = name;
  rl_catch_signals = 0;
  rl_attempted_completion_function = complete;
  using_history();
}

// Called within a completion: no falling back to file names, and what follows a completed word.
static inline void keyval_editline_completion_is_final(char appended) {
  rl_attempted_completion_over = 1;
  rl_completion_append_character = appended;
}

static inline const char *keyval_editline_buffer(void) { return rl_line_buffer; }
