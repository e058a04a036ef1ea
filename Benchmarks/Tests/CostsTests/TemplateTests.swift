import Testing

@testable import costs

@Suite("The template of the page") struct TemplateTests {
  @Test("each place gets its value, and what is no place stays")
  func filled() throws {
    let template = Template(text: "a {{one}} {b} {{two}}{{one}} c")
    #expect(try template.filled(with: ["one": "1", "two": "{{2}}"]) == "a 1 {b} {{2}}1 c")
    #expect(try Template(text: "plain").filled(with: [:]) == "plain")
  }

  @Test("a place without a value and a value without a place are errors that name them")
  func mismatches() {
    let template = Template(text: "{{one}} {{two}}")
    #expect(throws: Template.Mismatch.unfilled(["two"])) { try template.filled(with: ["one": "1"]) }
    #expect(throws: Template.Mismatch.unused(["four", "three"])) {
      try template.filled(with: ["one": "1", "two": "2", "three": "3", "four": "4"])
    }
    #expect(throws: Template.Mismatch.unclosed) { try Template(text: "a {{one").filled(with: ["one": "1"]) }
  }

  @Test("numbers have three digits that count, and commas before each three")
  func numbers() {
    let values = [0.000_412, 0.0555, 0.25, 3.146, 12.34, 123.4, 1_234.5, 65_536, 1_999_999, 0, .nan]
    #expect(
      values.map(Numbers.text) == [
        "0.000412", "0.0555", "0.25", "3.15", "12.3", "123", "1,230", "65,500", "2,000,000", "0", "–",
      ])
    #expect(Numbers.grouped(1_048_576) == "1,048,576")
    #expect(Numbers.grouped(-1_000) == "-1,000")
  }
}
