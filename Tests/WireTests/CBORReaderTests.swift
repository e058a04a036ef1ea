import Testing
import Wire

@Suite("CBOR reader") struct CBORReaderTests {
  /// Runs `body` on a reader over the bytes.
  private func reading<Value>(
    _ bytes: [UInt8], _ body: (inout CBORReader) throws(CBORError) -> Value
  ) throws(CBORError) -> Value {
    try bytes.withUnsafeBytes { buffer -> Result<Value, CBORError> in
      var reader = CBORReader(buffer)
      do throws(CBORError) { return .success(try body(&reader)) } catch { return .failure(error) }
    }.get()
  }

  private func error(
    _ bytes: [UInt8], _ body: (inout CBORReader) throws(CBORError) -> Void
  ) -> CBORError? {
    do throws(CBORError) { try reading(bytes, body) } catch { return error }
    return nil
  }

  @Test("nothing at all is truncated, whatever is asked for")
  func empty() {
    #expect(error([]) { r throws(CBORError) in _ = try r.readUnsigned() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readInteger() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readBytes() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readText() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readArrayHeader() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readMapHeader() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readBool() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in _ = try r.readNull() } == .truncated(offset: 0))
    #expect(error([]) { r throws(CBORError) in try r.skip() } == .truncated(offset: 0))
  }

  @Test("every example of Appendix A is refused when it is cut anywhere")
  func truncations() {
    for (example, _) in AppendixATests.covered {
      let whole = bytes(example)
      for length in 0..<whole.count {
        #expect(throws: CBORError.self, "\(example) cut to \(length)") {
          try Item.decode(Array(whole[..<length]))
        }
      }
    }
  }

  @Test("a byte behind the last item is refused")
  func trailing() {
    #expect(
      error([0x01, 0x02]) { r throws(CBORError) in
        _ = try r.readUnsigned()
        try r.requireEnd()
      } == .trailingBytes(count: 1))
  }

  @Test(
    "a head longer than needed is refused",
    arguments: [
      "1817", "190018", "1900ff", "1a00000018", "1a0000ffff", "1b0000000000000018", "1b00000000ffffffff",
      "3817", "3900ff", "5800", "590001ff", "5a0000000101", "7800", "79000161", "9800", "99000101", "b800",
      "b9000100f6",
    ])
  func notShortest(example: String) {
    #expect(error(bytes(example)) { r throws(CBORError) in try r.skip() } == .notShortest(offset: 0))
  }

  @Test("the reserved lengths 28 to 31 are refused in every major type")
  func reserved() {
    for major: UInt8 in 0..<8 {
      for information: UInt8 in 28...31 {
        let initial = major << 5 | information
        #expect(throws: CBORError.self) { try Item.decode([initial] + [UInt8](repeating: 0, count: 16)) }
      }
    }
  }

  @Test("map keys out of order, and a key twice, are refused")
  func keys() {
    let examples = [
      ("a203040102", 3), ("a201020103", 3), ("a2616201616102", 4), ("a2616101616101", 4),
      ("a2626161016162a0", 5), ("a220010002", 3),
    ]
    for (example, offset) in examples {
      let found = error(bytes(example)) { r throws(CBORError) in try r.skip() }
      #expect(found == .unorderedKeys(offset: offset))
    }
    #expect(throws: CBORError.self, "inside another map") { try Item.decode(bytes("a101a203040102")) }
  }

  @Test("sixteen levels are read, the seventeenth is refused")
  func nesting() {
    let levels = { (count: Int) in [UInt8](repeating: 0x81, count: count) + [0x00] }
    #expect(throws: Never.self) { try Item.decode(levels(Limits.maximumDepth - 1)) }
    #expect(
      error(levels(Limits.maximumDepth)) { r throws(CBORError) in try r.skip() }
        == .limitExceeded("nesting", offset: Limits.maximumDepth))
    #expect(throws: CBORError.self, "a megabyte of levels does not exhaust the stack") {
      try Item.decode([UInt8](repeating: 0x81, count: 1 << 20))
    }
    #expect(throws: CBORError.self, "of maps neither") {
      try Item.decode([UInt8](repeating: 0xa1, count: 1 << 20))
    }
  }

  @Test("a count or length beyond the bytes at hand is refused before anything is reserved")
  func hugeCounts() {
    for head in ["9a", "ba", "5a", "7a"] {
      #expect(throws: CBORError.self) { try Item.decode(bytes(head + "ffffffff")) }
    }
    for head in ["9b", "bb", "5b", "7b"] {
      #expect(throws: CBORError.self) { try Item.decode(bytes(head + "ffffffffffffffff")) }
      #expect(throws: CBORError.self) { try Item.decode(bytes(head + "7fffffffffffffff")) }
    }
    let counts = bytes("190100") + [0]
    #expect(
      error([0x99] + counts.dropFirst()) { r throws(CBORError) in _ = try r.readArrayHeader() }
        == .truncated(offset: 4))
    #expect(
      error(bytes("9a00010001")) { r throws(CBORError) in _ = try r.readArrayHeader() }
        == .limitExceeded("the items of an array", offset: 0))
    #expect(
      error(bytes("a2000102")) { r throws(CBORError) in _ = try r.readMapHeader() }
        == .truncated(offset: 4))
  }

  @Test("a string longer than the field allows is refused, one that fits exactly is read")
  func limits() throws {
    #expect(
      try reading(bytes("43010203")) { r throws(CBORError) in try r.readByteArray(maximum: 3) } == [1, 2, 3])
    #expect(
      error(bytes("43010203")) { r throws(CBORError) in _ = try r.readByteArray(maximum: 2) }
        == .limitExceeded("the length of a byte string", offset: 0))
    #expect(
      error(bytes("43010203")) { r throws(CBORError) in _ = try r.readByteArray(count: 4, field: "a salt") }
        == .outOfRange(field: "a salt", offset: 0))
    #expect(
      error(bytes("6161")) { r throws(CBORError) in _ = try r.readText(maximum: 0) }
        == .limitExceeded("the length of a text string", offset: 0))
  }

  @Test(
    "text that is not UTF-8 is refused",
    arguments: ["61ff", "62c328", "63eda080", "64f4908080", "62c0af", "61c3"])
  func invalidText(example: String) {
    #expect(error(bytes(example)) { r throws(CBORError) in _ = try r.readText() } == .invalidText(offset: 0))
  }

  @Test("numbers at the edges of their types")
  func edges() throws {
    #expect(try reading(bytes("1b7fffffffffffffff")) { r throws(CBORError) in try r.readInteger() } == .max)
    #expect(try reading(bytes("3b7fffffffffffffff")) { r throws(CBORError) in try r.readInteger() } == .min)
    #expect(
      error(bytes("1b8000000000000000")) { r throws(CBORError) in _ = try r.readInteger() }
        == .outOfRange(field: "a 64-bit integer", offset: 0))
    #expect(
      error(bytes("3b8000000000000000")) { r throws(CBORError) in _ = try r.readInteger() }
        == .outOfRange(field: "a 64-bit integer", offset: 0))
    #expect(
      error(bytes("190100")) { r throws(CBORError) in _ = try r.readUnsigned(as: UInt8.self, field: "a code")
      }
        == .outOfRange(field: "a code", offset: 0))
    #expect(
      error(bytes("83")) { r throws(CBORError) in try r.readArrayHeader(exactly: 2) }
        == .limitExceeded("the items of an array", offset: 0))
    #expect(
      error(bytes("8100")) { r throws(CBORError) in try r.readArrayHeader(exactly: 2) }
        == .outOfRange(field: "the number of items", offset: 0))
  }

  @Test("another type than the expected one is named")
  func types() {
    #expect(
      error([0x40]) { r throws(CBORError) in _ = try r.readUnsigned() }
        == .unexpectedType(expected: "an unsigned integer", majorType: 2, offset: 0))
    #expect(
      error([0x00]) { r throws(CBORError) in _ = try r.readBool() }
        == .unexpectedType(expected: "a boolean", majorType: 0, offset: 0))
    #expect(
      error([0xf6]) { r throws(CBORError) in _ = try r.readText() }
        == .unexpectedType(expected: "a text string", majorType: 7, offset: 0))
  }

  @Test("a failed read leaves the reader where it was") func position() throws {
    try reading(bytes("6161")) { reader throws(CBORError) in
      #expect(throws: CBORError.self) { try reader.readUnsigned() }
      #expect(reader.offset == 0)
      #expect(try! reader.readText() == "a")
    }
  }
}
