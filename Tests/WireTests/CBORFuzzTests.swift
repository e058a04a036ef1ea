import Testing
import Wire

@Suite("CBOR fuzz") struct CBORFuzzTests {
  @Test("any item of the subset survives writing and reading")
  func roundTrips() throws {
    let seed = SeededGenerator.printedSeed("CBOR round trips")
    var generator = SeededGenerator(seed: seed)
    for round in 0..<2_000 {
      let item = Item.random(using: &generator)
      #expect(try Item.decode(item.encoded) == item, "seed \(seed), round \(round)")
    }
  }

  @Test("random bytes never trap, and what is read is exactly what would be written")
  func noise() {
    let seed = SeededGenerator.printedSeed("CBOR noise")
    var generator = SeededGenerator(seed: seed)
    for round in 0..<50_000 {
      let noise = (0..<Int.random(in: 0...24, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      guard let item = try? Item.decode(noise) else { continue }
      #expect(item.encoded == noise, "seed \(seed), round \(round)")
    }
  }

  @Test("altered items never trap, and there is one encoding of everything")
  func alterations() {
    let seed = SeededGenerator.printedSeed("CBOR alterations")
    var generator = SeededGenerator(seed: seed)
    for round in 0..<20_000 {
      var altered = Item.random(using: &generator).encoded
      for _ in 0...Int.random(in: 0...2, using: &generator) {
        altered[Int.random(in: 0..<altered.count, using: &generator)] = .random(
          in: 0...255, using: &generator)
      }
      guard let item = try? Item.decode(altered) else { continue }
      #expect(item.encoded == altered, "seed \(seed), round \(round)")
    }
  }
}
