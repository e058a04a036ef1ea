import Testing

@testable import LocalTrust

@Suite("Places in a text") struct TextPlaceTests {
  @Test(
    "lines and columns count from one", arguments: [(0, 1, 1), (1, 1, 2), (2, 2, 1), (3, 3, 1), (99, 3, 2)])
  func place(offset: Int, line: Int, column: Int) {
    let place = TextPlace(of: offset, in: "a\n\nb".utf8)
    #expect(place.line == line && place.column == column)
  }

  @Test("a place is found in what Foundation says, and none where it tells none")
  func sentences() {
    let text = Array("{\n \"a\";".utf8)
    #expect(
      TextPlace(inSentence: "Invalid value around character 6.", of: text)?.description == "line 2, column 5")
    let end = TextPlace(inSentence: "Unexpected end of file during JSON parse.", of: text)
    #expect(end?.description == "line 2, column 6")
    #expect(TextPlace(inSentence: "Too many nested arrays", of: text) == nil)
  }
}
