import Testing

@testable import keyval

@Suite("JSON that is written") struct JSONTextTests {
  @Test(
    "a decimal has three digits behind the point, whatever the locale",
    arguments: [
      (0, "0.000"), (1.5, "1.500"), (-2.0004, "-2.000"), (1234.5678, "1234.568"), (0.0009, "0.001"),
      (.nan, "null"), (.infinity, "null"), (1e300, "null"), (999_999.9996, "1000000.000"),
    ] as [(Double, String)])
  func decimals(value: Double, text: String) {
    #expect(JSONText.decimal(value).description == text)
  }
}
