/// Where in a text something stands, as editors count: from one, the column in bytes.
package struct TextPlace: Equatable, CustomStringConvertible {
  package let line: Int
  package let column: Int

  /// - Parameter offset: in bytes, from zero; one beyond the end counts as the end.
  package init(of offset: Int, in text: some Collection<UInt8>) {
    let before = text.prefix(max(0, offset))
    line = before.count { $0 == 0x0A } + 1
    let start = before.enumerated().reduce(into: 0) { if $1.element == 0x0A { $0 = $1.offset + 1 } }
    column = before.count - start + 1
  }

  package var description: String { "line \(line), column \(column)" }

  /// What Foundation says of a text that is no JSON, with the place as editors count it. It tells the place in its sentence
  /// alone ("Invalid value around character 17."), or none, when the text ends too early.
  package static func complaint(_ sentence: String, about text: some Collection<UInt8>) -> String {
    let plain = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    let words = plain.split(separator: " ")
    if words.count > 3, words.dropLast().suffix(2) == ["around", "character"],
      let offset = Int(words[words.count - 1])
    {
      return words.dropLast(3).joined(separator: " ") + " at \(TextPlace(of: offset, in: text))"
    }
    let isCutOff = plain.hasPrefix("Unexpected end of file")
    return isCutOff ? "it ends too early, at \(TextPlace(of: text.count, in: text))" : plain
  }
}
