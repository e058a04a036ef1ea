import CFuzzer

/// One decoder of bytes that a peer sends or a file holds, and what must be true of whatever comes of them.
public struct Decoder: Sendable {
  public let name: String
  /// What it reads, for a person.
  let about: String
  /// The longest input, in bytes.
  let maximumLength: Int
  let allowance: Allowance
  /// Inputs to begin with. Each is one that is taken, unless some may be refused: then one at least is.
  let seeds: @Sendable () throws -> [[UInt8]]
  let mayRefuseSeeds: Bool
  private let read: @Sendable (Input) throws -> Bool

  /// What the heap may be asked for in all: so much, and so much for each byte of the input.
  public struct Allowance: Sendable {
    let base: Int
    let perByte: Int

    public init(base: Int, perByte: Int) {
      self.base = base
      self.perByte = perByte
    }
  }

  /// - Parameter read: reads one input, and tells whether it was taken; does not return when a property does not hold.
  public init(
    name: String, about: String, maximumLength: Int = 4_096,
    allowance: Allowance = Allowance(base: 64 << 10, perByte: 512),
    mayRefuseSeeds: Bool = false, seeds: @escaping @Sendable () throws -> [[UInt8]],
    read: @escaping @Sendable (Input) throws -> Bool
  ) {
    self.name = name
    self.about = about
    self.maximumLength = maximumLength
    self.allowance = allowance
    self.mayRefuseSeeds = mayRefuseSeeds
    self.seeds = seeds
    self.read = read
  }

  /// Reads bytes, which lie before a page that nobody may read: a decoder that goes beyond its input ends there.
  /// - Returns: whether they were taken.
  @discardableResult
  func run(_ bytes: UnsafeRawBufferPointer, in place: FencedMemory) -> Bool {
    guard bytes.count <= maximumLength else { return false }
    let input = Input(bytes: place.copy(bytes), allowance: allowance)
    // What a decoder throws is an answer like any other.
    return (try? read(input)) ?? false
  }
}

/// An input, and the decoding of it, which is watched.
public struct Input {
  public let bytes: UnsafeRawBufferPointer
  fileprivate let allowance: Decoder.Allowance

  /// The same in an array, for decoders that take one.
  public var array: [UInt8] { [UInt8](bytes) }

  /// Runs a decoder and holds it to the allowance, also when it throws. It may run twice: what a library makes once and
  /// keeps is not this input's.
  public func decode<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
    let before = keyval_requested_bytes()
    defer {
      let allowed = allowance.base + allowance.perByte * bytes.count
      if keyval_requested_bytes() - before > allowed {
        let again = keyval_requested_bytes()
        _ = try? body()
        let spent = keyval_requested_bytes() - again
        require(spent <= allowed, "\(bytes.count) bytes of input made it ask the heap for \(spent)")
      }
    }
    return try body()
  }
}

/// A property that must hold of every input. What does not hold ends the process, and the fuzzer keeps the input.
public func require(_ isTrue: Bool, _ otherwise: @autoclosure () -> String) {
  guard isTrue else { fatalError(otherwise()) }
}

extension Decoder {
  /// One with a mistake in it, which nobody uses: a fuzzer that does not find it within seconds finds nothing.
  public static let planted = Decoder(
    name: "planted", about: "a mistake that is to be found", seeds: { [Array("trp: no".utf8)] },
    read: { input in
      let wanted = Array("trap!".utf8)
      var depth = 0
      for (byte, right) in zip(input.bytes, wanted) {
        guard byte == right else { break }
        depth += 1
      }
      require(depth < wanted.count, "the planted mistake was found")
      return true
    })

  var isPlanted: Bool { name == Self.planted.name }
}
