/// Splits a line into words as a POSIX shell does (XCU 2.2, quoting), without expansions or operators:
///
/// - blanks separate words, `#` at the start of a word begins a comment;
/// - `\` takes the next character literally;
/// - `'…'` takes everything literally;
/// - `"…"` knows the escapes `\\ \" \$ \` \n \r \t \0 \xHH`; any other is an error, not a guess.
struct WordSplitter {
  private let line: [UInt8]
  private var index = 0
  private var words: [Word] = []

  /// Throws for a quote that is not closed, an escape that does not exist, and a `\` at the end of the line.
  static func split(_ line: [UInt8]) throws(CommandSyntaxError) -> [Word] {
    var splitter = WordSplitter(line)
    while try splitter.splitWord() {}
    return splitter.words
  }

  private init(_ line: [UInt8]) { self.line = line }

  private mutating func splitWord() throws(CommandSyntaxError) -> Bool {
    while index < line.count, Self.isBlank(line[index]) { index += 1 }
    guard index < line.count, line[index] != UInt8(ascii: "#") else { return false }
    var word = Word(bytes: [], column: column(at: index), isQuoted: false)
    while index < line.count, !Self.isBlank(line[index]) {
      let start = index
      let byte = line[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\\"):
        guard index < line.count else { throw error(at: start, "the backslash has nothing after it") }
        word.isQuoted = true
        word.bytes.append(line[index])
        index += 1
      case UInt8(ascii: "'"):
        word.isQuoted = true
        try appendLiteral(to: &word, openedAt: start)
      case UInt8(ascii: "\""):
        word.isQuoted = true
        try appendEscaped(to: &word, openedAt: start)
      default:
        word.bytes.append(byte)
      }
    }
    words.append(word)
    return true
  }

  private mutating func appendLiteral(to word: inout Word, openedAt start: Int) throws(CommandSyntaxError) {
    while index < line.count {
      let byte = line[index]
      index += 1
      if byte == UInt8(ascii: "'") { return }
      word.bytes.append(byte)
    }
    throw error(at: start, "the quote that begins here is not closed")
  }

  private mutating func appendEscaped(to word: inout Word, openedAt start: Int) throws(CommandSyntaxError) {
    while index < line.count {
      let byte = line[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""): return
      case UInt8(ascii: "\\"): word.bytes.append(try readEscape())
      default: word.bytes.append(byte)
      }
    }
    throw error(at: start, "the quote that begins here is not closed")
  }

  /// What follows a `\` within double quotes.
  private mutating func readEscape() throws(CommandSyntaxError) -> UInt8 {
    let start = index - 1
    guard index < line.count else { throw error(at: start, "the backslash has nothing after it") }
    let byte = line[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "$"), UInt8(ascii: "`"): return byte
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "0"): return 0x00
    case UInt8(ascii: "x"):
      guard index + 1 < line.count, let high = Self.hexadecimal(line[index]),
        let low = Self.hexadecimal(line[index + 1])
      else { throw error(at: start, "\\x takes two hexadecimal digits, as in \\x1f") }
      index += 2
      return high << 4 | low
    default:
      throw error(
        at: start, #"there is no such escape; within double quotes write \\ \" \n \r \t \0 or \xHH"#)
    }
  }

  private func error(at index: Int, _ sentence: String) -> CommandSyntaxError {
    CommandSyntaxError(column: column(at: index), sentence: sentence)
  }

  /// Counts characters, not bytes: every byte that does not continue a UTF-8 sequence begins one.
  private func column(at index: Int) -> Int {
    line[..<index].count { $0 & 0xC0 != 0x80 } + 1
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
