import Testing

@testable import LocalTrust

@Suite("Places in a text") struct TextPlaceTests {
  @Test(
    "lines and columns count from one", arguments: [(0, 1, 1), (1, 1, 2), (2, 2, 1), (3, 3, 1), (99, 3, 2)])
  func place(offset: Int, line: Int, column: Int) {
    let place = TextPlace(of: offset, in: "a\n\nb".utf8)
    #expect(place.line == line && place.column == column)
  }

  @Test("what Foundation says of a broken JSON text is told with line and column")
  func complaints() {
    let text = Array("{\n \"a\";".utf8)
    func complaint(_ sentence: String) -> String { TextPlace.complaint(sentence, about: text) }
    #expect(complaint("Invalid value around character 6.") == "Invalid value at line 2, column 5")
    #expect(
      complaint("Unexpected end of file during JSON parse.") == "it ends too early, at line 2, column 6")
    #expect(complaint("Too many nested arrays.") == "Too many nested arrays")
  }
}
