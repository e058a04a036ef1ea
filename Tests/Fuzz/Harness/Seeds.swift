import Glibc

/// Inputs in files.
enum Seeds {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Writes a decoder's first inputs, each of which must be taken: else the fuzzer would begin with nothing.
  static func write(of decoder: Decoder, to folder: String) throws {
    let place = FencedMemory(room: decoder.maximumLength)
    var taken = 0
    for (number, seed) in try decoder.seeds().enumerated() {
      let isTaken = seed.withUnsafeBytes { decoder.run($0, in: place) }
      guard isTaken || decoder.mayRefuseSeeds else {
        throw Failure(description: "seed \(number) of \(decoder.name) is refused")
      }
      taken += isTaken ? 1 : 0
      let path = "\(folder)/seed-\(number)"
      guard let file = fopen(path, "wb") else { throw Failure(description: "\(path) cannot be written") }
      defer { fclose(file) }
      guard fwrite(seed, 1, seed.count, file) == seed.count else {
        throw Failure(description: "\(path) cannot be written")
      }
    }
    guard taken > 0 else { throw Failure(description: "no seed of \(decoder.name) is taken") }
  }

  static func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw Failure(description: "\(path) cannot be read") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    return bytes
  }
}
