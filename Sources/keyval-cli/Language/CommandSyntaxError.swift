/// A line that is no command. Names the column, never repeats a value.
struct CommandSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  /// In characters, from 1.
  let column: Int
  let sentence: String

  var description: String { "column \(column): \(sentence)" }
}
