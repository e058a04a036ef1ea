/// What `eval "$(keyval cluster env …)"` takes.
public enum ShellExports {
  /// A word that any POSIX shell reads back as exactly this text.
  public static func quote(_ text: String) -> String {
    "'" + text.replacing("'", with: #"'\''"#) + "'"
  }

  public static func lines(_ variables: [(name: String, value: String)]) -> String {
    variables.map { "export \($0.name)=\(quote($0.value))\n" }.joined()
  }
}
