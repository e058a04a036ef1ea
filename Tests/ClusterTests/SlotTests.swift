import Testing

@testable import Cluster

@Suite("Slots") struct SlotTests {
  private func slot(_ key: String) -> Int { Int(Slot(key: key.utf8).number) }

  @Test("the checksum is CRC-16/XMODEM: its check value is 0x31C3")
  func checkValue() {
    #expect(Array("123456789".utf8).withUnsafeBytes { CRC16.checksum($0) } == 0x31c3)
    #expect([UInt8]().withUnsafeBytes { CRC16.checksum($0) } == 0)
  }

  /// As the specification has it.
  private func bytewise(_ bytes: some Sequence<UInt8>) -> UInt16 {
    bytes.reduce(0) { value, byte in
      (0..<8).reduce(value ^ UInt16(byte) << 8) { value, _ in
        value & 0x8000 != 0 ? value << 1 ^ 0x1021 : value << 1
      }
    }
  }

  @Test("whatever the length, it is that of one byte after the other")
  func lengths() {
    var generator = SystemRandomNumberGenerator()
    for length in 0..<100 {
      let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      #expect(bytes.withUnsafeBytes { CRC16.checksum($0) } == bytewise(bytes), "\(bytes)")
    }
  }

  @Test("a tag is found wherever it stands, also between bytes that are nearly a brace")
  func tagPlaces() {
    // What differs from the brace in one bit, or borrows in the search for it.
    for filler: UInt8 in [0, 0x7a, 0x7c, 0x79, 0x5b, 0xfb, 0x80, 0xff] {
      for place in 0..<20 {
        let key = [UInt8](repeating: filler, count: place) + Array("{tag}".utf8) + [filler, filler]
        #expect(Slot(key: key).number == bytewise("tag".utf8) % 16_384)
        let none = [UInt8](repeating: filler, count: place)
        #expect(Slot(key: none).number == bytewise(none) % 16_384)
      }
    }
  }

  @Test(
    "keys have the slots that Redis Cluster gives them",
    arguments: [
      ("foo", 12182), ("bar", 5061), ("hello", 866), ("123456789", 0x31c3), ("", 0), ("a", 15495),
      ("somekey", 11058), ("foo{hash_tag}", 2515), ("bar{hash_tag}", 2515), ("hash_tag", 2515),
    ])
  func known(key: String, expected: Int) { #expect(slot(key) == expected) }

  @Test("only what stands between the first { and the next } counts")
  func hashTags() {
    #expect(slot("{user1000}.following") == slot("{user1000}.followers"))
    #expect(slot("{user1000}.following") == slot("user1000"))
    #expect(slot("a{b}c{d}e") == slot("b"), "the first tag only")
    #expect(slot("foo{{bar}}zap") == slot("{bar"), "up to the first closing brace")
    #expect(slot("foo{bar}{zap}") == slot("bar"))
    #expect(slot("}foo{bar}") == slot("bar"), "a closing brace before the tag is none of its business")
  }

  @Test(
    "an empty, an unopened and an unclosed tag count for nothing",
    arguments: ["{}", "foo{}{bar}", "{}bar", "foo{", "foo{bar", "foo}bar", "}{", "{"])
  func noTags(key: String) {
    let whole = Array(key.utf8).withUnsafeBytes { CRC16.checksum($0) }
    #expect(slot(key) == Int(whole) % 16_384)
  }

  @Test("keys are bytes: any of them has a slot, also those that are no text")
  func anyBytes() {
    #expect(Slot(key: [0xff, 0x00, 0x7b, 0xfe, 0x7d]) == Slot(key: [0xfe]))
    for byte in UInt8.min...UInt8.max { #expect(Slot(key: [byte]).number < 16_384) }
  }

  @Test("a partition is 32 neighbouring slots, and every slot is in exactly one")
  func partitions() {
    #expect(Partition.all.count == 512)
    #expect(Partition.all.flatMap(\.slots).elementsEqual(0..<16_384))
    #expect(Slot(key: "foo".utf8).partition.slots.contains(12_182))
    #expect(Partition(512) == nil && Partition(-1) == nil && Partition(511)?.slots == 16_352..<16_384)
  }
}
