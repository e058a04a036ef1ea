import Dispatch
import Glibc

/// Standard input, read on a thread of its own: a person who thinks for a minute blocks no task.
enum StandardInput {
  static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }

  private static let queue = DispatchQueue(label: "keyval.standard-input")

  /// At least one byte, or none at the end. Throws `InputError`.
  fileprivate static func read(upTo limit: Int) async throws -> [UInt8] {
    try await withCheckedThrowingContinuation { continuation in
      queue.async {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
          var result: Int
          repeat {
            result = Glibc.read(STDIN_FILENO, buffer.baseAddress, limit)
          } while result < 0 && errno == EINTR
          if result < 0 { failure = errno }
          count = max(result, 0)
        }
        if failure != 0 {
          continuation.resume(throwing: InputError(reason: String(cString: strerror(failure))))
        } else {
          continuation.resume(returning: bytes)
        }
      }
    }
  }

  /// Everything up to the end. Nil if that is more than `limit` bytes.
  static func readAll(limit: Int) async throws -> [UInt8]? {
    var all: [UInt8] = []
    while true {
      let bytes = try await read(upTo: 1 << 16)
      if bytes.isEmpty { return all }
      all += bytes
      if all.count > limit { return nil }
    }
  }

  static var lines: Lines { Lines() }

  /// The lines without their ends; what follows the last newline is a line unless it is empty.
  struct Lines: AsyncSequence {
    /// Four times the longest value: each of its bytes may be written `\xHH`.
    static let maximumLength = 5 << 20

    func makeAsyncIterator() -> Iterator { Iterator() }

    struct Iterator: AsyncIteratorProtocol {
      private var buffer: [UInt8] = []
      private var start = 0
      private var scanned = 0
      private var isAtEnd = false

      mutating func next() async throws -> [UInt8]? {
        while true {
          if let end = buffer[scanned...].firstIndex(of: 0x0A) {
            defer {
              start = end + 1
              scanned = start
            }
            return Array(buffer[start..<end])
          }
          scanned = buffer.count
          if isAtEnd {
            defer { start = buffer.count }
            return start < buffer.count ? Array(buffer[start...]) : nil
          }
          try await fill()
        }
      }

      private mutating func fill() async throws {
        buffer.removeFirst(start)
        scanned -= start
        start = 0
        guard buffer.count <= Lines.maximumLength else {
          throw InputError(reason: "a line is longer than \(Lines.maximumLength) bytes")
        }
        let bytes = try await StandardInput.read(upTo: 1 << 16)
        isAtEnd = bytes.isEmpty
        buffer += bytes
      }
    }
  }
}

struct InputError: Error, CustomStringConvertible {
  let reason: String
  var description: String { "cannot read standard input: \(reason)" }
}
