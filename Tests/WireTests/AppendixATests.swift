import Testing
import Wire

/// RFC 8949 Appendix A, all of it: what the subset covers is read and written byte for byte, the rest refused.
@Suite("RFC 8949 Appendix A") struct AppendixATests {
  static let numbersToTwentyFive = "0102030405060708090a0b0c0d0e0f101112131415161718181819"

  static let covered: [(String, Item)] = [
    ("00", .unsigned(0)), ("01", .unsigned(1)), ("0a", .unsigned(10)), ("17", .unsigned(23)),
    ("1818", .unsigned(24)), ("1819", .unsigned(25)), ("1864", .unsigned(100)),
    ("1903e8", .unsigned(1000)), ("1a000f4240", .unsigned(1_000_000)),
    ("1b000000e8d4a51000", .unsigned(1_000_000_000_000)),
    ("1bffffffffffffffff", .unsigned(18_446_744_073_709_551_615)),
    ("20", .negative(-1)), ("29", .negative(-10)), ("3863", .negative(-100)), ("3903e7", .negative(-1000)),
    ("f4", .bool(false)), ("f5", .bool(true)), ("f6", .null),
    ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])),
    ("60", .text("")), ("6161", .text("a")), ("6449455446", .text("IETF")), ("62225c", .text("\"\\")),
    ("62c3bc", .text("\u{fc}")), ("63e6b0b4", .text("\u{6c34}")), ("64f0908591", .text("\u{10151}")),
    ("80", .array([])), ("83010203", .array([.unsigned(1), .unsigned(2), .unsigned(3)])),
    (
      "8301820203820405",
      .array([
        .unsigned(1), .array([.unsigned(2), .unsigned(3)]), .array([.unsigned(4), .unsigned(5)]),
      ])
    ),
    ("9819" + numbersToTwentyFive, .array((1...25).map { .unsigned($0) })),
    ("a0", .map([])),
    ("a201020304", .map([.init(key: .unsigned(1), value: .unsigned(2)), pair(.unsigned(3), .unsigned(4))])),
    (
      "a26161016162820203",
      .map([pair(.text("a"), .unsigned(1)), pair(.text("b"), .array([.unsigned(2), .unsigned(3)]))])
    ),
    ("826161a161626163", .array([.text("a"), .map([pair(.text("b"), .text("c"))])])),
    (
      "a56161614161626142616361436164614461656145",
      .map(
        [("a", "A"), ("b", "B"), ("c", "C"), ("d", "D"), ("e", "E")].map { pair(.text($0.0), .text($0.1)) })
    ),
  ]

  static let refused: [(String, String)] = [
    ("bignum 2^64", "c249010000000000000000"), ("-2^64", "3bffffffffffffffff"),
    ("bignum -2^64-1", "c349010000000000000000"), ("0.0", "f90000"), ("-0.0", "f98000"), ("1.0", "f93c00"),
    ("1.1", "fb3ff199999999999a"), ("1.5", "f93e00"), ("65504.0", "f97bff"), ("100000.0", "fa47c35000"),
    ("3.4e38", "fa7f7fffff"), ("1.0e+300", "fb7e37e43c8800759c"), ("5.96e-8", "f90001"),
    ("6.1e-5", "f90400"), ("-4.0", "f9c400"), ("-4.1", "fbc010666666666666"), ("Infinity/2", "f97c00"),
    ("NaN/2", "f97e00"), ("-Infinity/2", "f9fc00"), ("Infinity/4", "fa7f800000"), ("NaN/4", "fa7fc00000"),
    ("-Infinity/4", "faff800000"), ("Infinity/8", "fb7ff0000000000000"), ("NaN/8", "fb7ff8000000000000"),
    ("-Infinity/8", "fbfff0000000000000"), ("undefined", "f7"), ("simple(16)", "f0"),
    ("simple(255)", "f8ff"), ("0(\"2013…\")", "c074323031332d30332d32315432303a30343a30305a"),
    ("1(1363896240)", "c11a514b67b0"), ("1(1363896240.5)", "c1fb41d452d9ec200000"),
    ("23(h'01020304')", "d74401020304"), ("24(h'6449455446')", "d818456449455446"),
    ("32(\"http://…\")", "d82076687474703a2f2f7777772e6578616d706c652e636f6d"),
    ("(_ h'0102', h'030405')", "5f42010243030405ff"),
    ("(_ \"strea\", \"ming\")", "7f657374726561646d696e67ff"),
    ("[_ ]", "9fff"), ("[_ 1, [2, 3], [_ 4, 5]]", "9f018202039f0405ffff"),
    ("[_ 1, [2, 3], [4, 5]]", "9f01820203820405ff"), ("[1, [2, 3], [_ 4, 5]]", "83018202039f0405ff"),
    ("[1, [_ 2, 3], [4, 5]]", "83019f0203ff820405"), ("[_ 1, …, 25]", "9f" + numbersToTwentyFive + "ff"),
    ("{_ \"a\": 1, \"b\": [_ 2, 3]}", "bf61610161629f0203ffff"),
    ("[\"a\", {_ \"b\": \"c\"}]", "826161bf61626163ff"),
    ("{_ \"Fun\": true, \"Amt\": -2}", "bf6346756ef563416d7421ff"),
  ]

  private static func pair(_ key: Item, _ value: Item) -> Item.Pair { Item.Pair(key: key, value: value) }

  @Test("the examples of the subset are written as the RFC has them", arguments: covered)
  func written(example: String, item: Item) { #expect(item.encoded == bytes(example)) }

  @Test("the examples of the subset are read as the RFC means them", arguments: covered)
  func read(example: String, item: Item) throws { #expect(try Item.decode(bytes(example)) == item) }

  @Test("the examples outside the subset are refused", arguments: refused)
  func refusedOnes(name: String, example: String) {
    #expect(throws: CBORError.self) { try Item.decode(bytes(example)) }
  }

  @Test("the appendix is complete: 81 examples") func complete() {
    #expect(Self.covered.count + Self.refused.count == 81)
  }
}
