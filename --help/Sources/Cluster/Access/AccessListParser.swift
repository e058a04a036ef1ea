/// Reads the text of an access list. Whatever the bytes, it ends with lines or with one error.
enum AccessListParser {
  /// A run of bytes between blanks, and its column.
  private struct Word {
    let bytes: ArraySlice<UInt8>
    let column: Int
    var text: String { String(decoding: bytes.prefix(64), as: UTF8.self) }
  }

  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  static func lines(of text: [UInt8]) throws(AccessListError) -> [AccessList.Line] {
    func fail(_ problem: AccessListError.Problem, _ line: Int, _ column: Int) -> AccessListError {
      AccessListError(line: line, column: column, problem: problem)
    }
    guard text.count <= AccessList.maximumLength else { throw fail(.tooLong, 1, 1) }
    var lines: [AccessList.Line] = []
    var counts: [PrincipalPattern: Int] = [:]
    var number = 0
    var start = 0
    while start < text.count {
      number += 1
      guard number <= AccessList.maximumLines else { throw fail(.tooManyLines, number, 1) }
      guard let end = text[start...].firstIndex(of: lineFeed) else {
        throw fail(.cutOff, number, text.count - start)
      }
      var content = text[start..<end]
      if content.last == carriageReturn { content.removeLast() }
      start = end + 1
      guard let line = try line(content, number) else { continue }
      let count = counts[line.pattern, default: 0] + 1
      guard count <= AccessList.maximumLinesOfOnePattern else {
        throw fail(.tooManyOfOnePattern(line.pattern.description), number, 1)
      }
      counts[line.pattern] = count
      lines.append(line)
    }
    guard !lines.isEmpty else { throw fail(.empty, max(1, number), 1) }
    return lines
  }

  /// Nil for an empty line and for a comment.
  private static func line(_ content: ArraySlice<UInt8>, _ number: Int) throws(AccessListError)
    -> AccessList.Line?
  {
    let words = try words(content, number)
    guard let first = words.first else { return nil }
    guard words.count > 1 else {
      throw AccessListError(line: number, column: content.count + 1, problem: .noOperations)
    }
    let limits = try limits(words.dropFirst(3), number)
    let pattern: PrincipalPattern
    do throws(AccessListError.Problem) {
      guard first.bytes.count <= Principal.maximumLength, first.bytes.allSatisfy({ $0 < 0x80 }) else {
        throw .badPattern(first.text)
      }
      pattern = try PrincipalPattern(String(decoding: first.bytes, as: UTF8.self))
    } catch {
      throw AccessListError(line: number, column: first.column, problem: error)
    }
    let operations = try operations(words[1], number)
    guard words.count > 2 else {
      return AccessList.Line(number: number, pattern: pattern, operations: operations, prefix: [])
    }
    let prefix = try prefix(words[2], number)
    let onCluster = operations.intersection(.onCluster)
    if !prefix.isEmpty, operations != .all, !onCluster.isEmpty {
      throw AccessListError(
        line: number, column: words[1].column, problem: .prefixOfCluster(onCluster.description))
    }
    return AccessList.Line(
      number: number, pattern: pattern, operations: operations, prefix: prefix, limits: limits)
  }

  private static func words(_ content: ArraySlice<UInt8>, _ number: Int) throws(AccessListError) -> [Word] {
    var words: [Word] = []
    var index = content.startIndex
    while index < content.endIndex {
      let byte = content[index]
      let column = index - content.startIndex + 1
      if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
        index += 1
        continue
      }
      // The rest is a comment, whatever it holds.
      if byte == UInt8(ascii: "#") { return words }
      let start = index
      while index < content.endIndex, content[index] != UInt8(ascii: " "),
        content[index] != UInt8(ascii: "\t")
      {
        guard content[index] >= 0x20, content[index] != 0x7f else {
          throw AccessListError(
            line: number, column: index - content.startIndex + 1, problem: .controlCharacter(content[index]))
        }
        index += 1
      }
      words.append(Word(bytes: content[start..<index], column: column))
    }
    return words
  }

  private static func operations(_ word: Word, _ number: Int) throws(AccessListError) -> AccessOperations {
    let bytes = [UInt8](word.bytes)
    if bytes == [UInt8(ascii: "*")] { return .all }
    if bytes == [UInt8(ascii: "-")] { return [] }
    var operations: AccessOperations = []
    for (offset, letter) in bytes.enumerated() {
      func fail(_ problem: AccessListError.Problem) -> AccessListError {
        AccessListError(line: number, column: word.column + offset, problem: problem)
      }
      if letter == UInt8(ascii: "*") || letter == UInt8(ascii: "-") {
        throw fail(.mixedOperations(word.text))
      }
      let shown = String(decoding: bytes[offset...].prefix(1), as: UTF8.self)
      guard let known = AccessOperations.named.first(where: { $0.letter == letter })?.operation else {
        throw fail(.unknownOperation(shown))
      }
      guard operations.insert(known).inserted else { throw fail(.repeatedOperation(shown)) }
    }
    return operations
  }

  private static func prefix(_ word: Word, _ number: Int) throws(AccessListError) -> [UInt8] {
    let bytes = [UInt8](word.bytes)
    if bytes == [UInt8(ascii: "*")] { return [] }
    // Who forgot the prefix would have a line for keys that nobody has, and no limit.
    guard !beginsLikeLimit(word.bytes) else {
      throw AccessListError(line: number, column: word.column, problem: .limitForPrefix(word.text))
    }
    var prefix: [UInt8] = []
    var index = 0
    while index < bytes.count {
      func fail(_ problem: AccessListError.Problem) -> AccessListError {
        AccessListError(line: number, column: word.column + index, problem: problem)
      }
      guard prefix.count < AccessList.maximumPrefixLength else { throw fail(.prefixTooLong) }
      switch bytes[index] {
      case UInt8(ascii: "*"): throw fail(.wildcardInPrefix)
      case UInt8(ascii: "\\"):
        guard let (byte, length) = escape(bytes[(index + 1)...]) else { throw fail(.badEscape) }
        prefix.append(byte)
        index += 1 + length
      case let byte:
        prefix.append(byte)
        index += 1
      }
    }
    return prefix
  }

  private static func beginsLikeLimit(_ bytes: some Collection<UInt8>) -> Bool {
    LineLimits.names.contains { bytes.starts(with: Array($0.text.utf8) + [UInt8(ascii: "=")]) }
  }

  /// What comes behind the prefix, such as `requests=1000`.
  private static func limits(_ words: ArraySlice<Word>, _ number: Int) throws(AccessListError) -> LineLimits {
    var limits = LineLimits()
    for word in words {
      func fail(_ problem: AccessListError.Problem, _ offset: Int = 0) -> AccessListError {
        AccessListError(line: number, column: word.column + offset, problem: problem)
      }
      guard let equals = word.bytes.firstIndex(of: UInt8(ascii: "=")) else {
        throw fail(.tooManyWords(word.text))
      }
      let text = word.bytes[..<equals]
      guard let name = LineLimits.names.first(where: { text.elementsEqual($0.text.utf8) }) else {
        throw fail(.unknownLimit(word.text))
      }
      guard limits[keyPath: name.limit] == nil else { throw fail(.repeatedLimit(word.text)) }
      let digits = word.bytes[(equals + 1)...]
      // A sign would be taken for part of a number.
      guard digits.count <= 16, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let value = Int(String(decoding: digits, as: UTF8.self)), name.range.contains(value)
      else { throw fail(.badLimit(word.text, name.range), text.count + 1) }
      limits[keyPath: name.limit] = value
    }
    return limits
  }

  /// A prefix as it can be written.
  static func escaped(_ prefix: [UInt8]) -> String {
    func hexadecimal(_ byte: UInt8) -> [UInt8] {
      let digits = [UInt8]("0123456789abcdef".utf8)
      return [UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
    var text: [UInt8] = []
    for (place, byte) in prefix.enumerated() {
      switch byte {
      // A limit could stand there by mistake, and is refused.
      case _ where place == 0 && beginsLikeLimit(prefix): text += hexadecimal(byte)
      case UInt8(ascii: " "): text += [UInt8]("\\s".utf8)
      case UInt8(ascii: "\\"), UInt8(ascii: "#"), UInt8(ascii: "*"): text += [UInt8(ascii: "\\"), byte]
      case 0x21..<0x7f: text.append(byte)
      default: text += hexadecimal(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The byte that is meant by what follows a backslash, and how much of it that is.
  private static func escape(_ rest: ArraySlice<UInt8>) -> (byte: UInt8, length: Int)? {
    guard let first = rest.first else { return nil }
    switch first {
    case UInt8(ascii: "s"): return (0x20, 1)
    case UInt8(ascii: "t"): return (0x09, 1)
    case UInt8(ascii: "n"): return (0x0a, 1)
    case UInt8(ascii: "r"): return (0x0d, 1)
    case UInt8(ascii: "0"): return (0x00, 1)
    case UInt8(ascii: "\\"), UInt8(ascii: "#"), UInt8(ascii: "*"): return (first, 1)
    case UInt8(ascii: "x"):
      let digits = rest.dropFirst().prefix(2)
      // A sign would be taken for part of a number.
      guard digits.count == 2, digits.allSatisfy(isHexadecimal),
        let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { return nil }
      return (byte, 3)
    default: return nil
    }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
