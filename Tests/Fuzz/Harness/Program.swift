import Glibc

/// A program with some decoders, each of which can be read from files, altered, or fuzzed. `./dev fuzz` runs it.
///
///     list                        each decoder and what it reads
///     seeds NAME FOLDER           write the inputs to begin with
///     replay NAME FILE…           read inputs once, such as one that crashed
///     alter NAME COUNT [SEED]     read inputs to begin with that were altered at random, without libFuzzer
///     run NAME [ARGUMENT…]        libFuzzer, with its own arguments
public struct Program {
  private let decoders: [Decoder]

  public init(_ decoders: [Decoder]) { self.decoders = decoders }

  public func run() throws -> Never {
    let words = Array(CommandLine.arguments.dropFirst())
    guard let command = words.first else { fail("say list, seeds, replay, alter or run") }
    if command == "list" {
      for decoder in decoders where !decoder.isPlanted { print("\(decoder.name)\t\(decoder.about)") }
      exit(0)
    }
    guard let decoder = decoders.first(where: { words.dropFirst().first == $0.name }) else {
      fail("name one of: \(decoders.map(\.name).joined(separator: ", "))")
    }
    let arguments = Array(words.dropFirst(2))
    switch (command, arguments.count) {
    case ("seeds", 1): try Seeds.write(of: decoder, to: arguments[0])
    case ("replay", 1...): try replay(arguments, decoder)
    case ("alter", 1...2):
      guard let count = Int(arguments[0]), let seed = UInt64(arguments.last ?? "") else {
        fail("say a number")
      }
      try alter(decoder, count: count, seed: arguments.count == 2 ? seed : .random(in: .min ... .max))
    case ("run", _):
      #if KEYVAL_FUZZ
        exit(LibFuzzer.run(decoder, arguments))
      #else
        fail("this was built without libFuzzer: ./dev fuzz builds it")
      #endif
    default: fail("say list, seeds, replay, alter or run")
    }
    exit(0)
  }

  private func fail(_ text: String) -> Never {
    let line = Array("\(text)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    exit(64)
  }

  private func replay(_ paths: [String], _ decoder: Decoder) throws {
    let place = FencedMemory(room: decoder.maximumLength)
    for path in paths {
      let isTaken = try Seeds.read(path).withUnsafeBytes { decoder.run($0, in: place) }
      print("\(path): \(isTaken ? "taken" : "refused"), in order")
    }
  }

  /// What crashes is found again with the same seed, which is printed first.
  private func alter(_ decoder: Decoder, count: Int, seed: UInt64) throws {
    print("\(decoder.name): \(count) alterations of seed \(seed)")
    fflush(nil)
    var generator = SeededGenerator(seed: seed)
    let place = FencedMemory(room: decoder.maximumLength)
    let seeds = try decoder.seeds()
    guard !seeds.isEmpty else { return }
    for number in 0..<count {
      var bytes = seeds[number % seeds.count]
      for _ in 0...Int.random(in: 0...3, using: &generator) { change(&bytes, &generator) }
      _ = bytes.withUnsafeBytes { decoder.run($0, in: place) }
    }
  }

  private func change(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    let place = Int.random(in: 0...bytes.count, using: &generator)
    let end = min(bytes.count, place + Int.random(in: 1...8, using: &generator))
    switch Int.random(in: 0...3, using: &generator) {
    case 0: bytes.removeSubrange(place..<end)
    case 1:
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
    case 2: bytes.insert(.random(in: 0...255, using: &generator), at: place)
    default: if place < bytes.count { bytes[place] = .random(in: 0...255, using: &generator) }
    }
  }
}
