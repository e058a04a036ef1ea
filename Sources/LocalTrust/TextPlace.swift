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
  /// alone ("… around character 17."), or none, when the text ends too early.
  package init?(inSentence sentence: String, of text: some Collection<UInt8>) {
    let words = sentence.split(whereSeparator: { $0 == " " || $0 == "." })
    if let mark = words.lastIndex(of: "character"), mark + 1 < words.count, let offset = Int(words[mark + 1])
    {
      self.init(of: offset, in: text)
    } else if sentence.contains("end of file") {
      self.init(of: text.count, in: text)
    } else {
      return nil
    }
  }
}
