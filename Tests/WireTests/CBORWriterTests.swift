import Testing
import Wire

@Suite("CBOR writer") struct CBORWriterTests {
  @Test("heads change their length at 24, 2^8, 2^16 and 2^32")
  func heads() {
    let edges: [(UInt64, Int)] = [
      (23, 1), (24, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 5), (0xffff_ffff, 5), (0x1_0000_0000, 9),
      (.max, 9),
    ]
    for (value, length) in edges {
      var writer = CBORWriter()
      writer.write(unsigned: value)
      #expect(writer.count == length)
    }
  }

  @Test("signed integers of either sign are written shortest")
  func integers() {
    for (value, expected) in [
      (Int64(0), "00"), (-1, "20"), (23, "17"), (-24, "37"), (-25, "3818"), (.max, "1b7fffffffffffffff"),
      (.min, "3b7fffffffffffffff"),
    ] {
      var writer = CBORWriter()
      writer.write(integer: value)
      #expect(writer.bytes == bytes(expected))
    }
  }

  @Test("into room that was asked for at once the same is written, and what was asked too much is given back")
  func cursor() {
    let edges: [UInt64] = [0, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff, 0x1_0000_0000, .max]
    for length in [0, 1, 23, 24, 300, 70_000] {
      let text = [UInt8](repeating: 7, count: length)
      var (one, other) = (CBORWriter(), CBORWriter())
      one.write(unsigned: 1)
      other.write(unsigned: 1)
      one.beginArray(edges.count + 3)
      for edge in edges { one.write(unsigned: edge) }
      one.write(bytes: text)
      one.write(bool: true)
      one.writeNull()
      let heads = edges.count + 4
      other.write(atMost: heads * CBORWriter.longestHead + length) { cursor in
        cursor.beginArray(edges.count + 3)
        for edge in edges { cursor.write(unsigned: edge) }
        text.withUnsafeBytes { cursor.write(bytes: $0) }
        cursor.write(bool: true)
        cursor.writeNull()
      }
      for value in [true, false, nil] {
        one.write(optional: value)
        other.write(atMost: CBORWriter.longestHead) { $0.write(optional: value) }
      }
      one.write(unsigned: 2)
      other.write(unsigned: 2)
      #expect(one.bytes == other.bytes)
    }
  }

  @Test("who writes more than there is room for ends the process, and nothing beyond is touched")
  func beyondRoom() async {
    await #expect(processExitsWith: .failure) {
      var writer = CBORWriter()
      writer.write(atMost: 2 * CBORWriter.longestHead) { cursor in
        for _ in 0..<20 { cursor.write(unsigned: .max) }
      }
    }
  }

  @Test("an item begun in vain is taken back, and the memory is kept")
  func takenBack() {
    var writer = CBORWriter()
    writer.write(text: "kept")
    let count = writer.count
    writer.write(bytes: [UInt8](repeating: 7, count: 1000))
    writer.truncate(to: count)
    #expect(writer.bytes == bytes("646b657074"))
    writer.truncate(to: 100)
    #expect(writer.bytes == bytes("646b657074"))
    let capacity = writer.capacity
    writer.removeAll()
    #expect(writer.count == 0 && writer.capacity == capacity)
  }

  @Test("a complete item from elsewhere is appended as it is")
  func encoded() {
    var writer = CBORWriter()
    writer.beginArray(1)
    bytes("6161").withUnsafeBytes { writer.write(encoded: $0) }
    #expect(writer.bytes == bytes("816161"))
  }
}
