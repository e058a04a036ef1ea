import Glibc

/// A line at once, also into a file or a pipe.
func say(_ text: String) {
  print(text)
  fflush(nil)
}
