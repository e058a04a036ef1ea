/// A word of a command line, as bytes: keys and values need not be text.
struct Word: Equatable, Sendable {
  var bytes: [UInt8]
  /// Where the word begins, in characters from 1.
  let column: Int
  /// Some part of it stood in quotes or behind a backslash, so that `'-'` differs from `-`.
  var isQuoted: Bool

  /// The word as text for messages; what is no UTF-8 shows as replacement characters.
  var text: String { String(decoding: bytes, as: UTF8.self) }
}
