import Glibc

/// Results on standard output, byte for byte and at once; remarks on standard error, a line each.
struct StandardOutput: Output {
  func write(result: [UInt8]) throws {
    if let code = Self.write(result, to: STDOUT_FILENO) {
      throw OutputError(reason: String(cString: strerror(code)))
    }
  }

  func write(remark: String) {
    // Nobody is left to tell if this one fails.
    _ = Self.write(Array("\(remark)\n".utf8), to: STDERR_FILENO)
  }

  /// A question, whose answer is typed on the same line.
  func write(question: String) { _ = Self.write(Array(question.utf8), to: STDERR_FILENO) }

  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes everything, however the descriptor takes it. Returns errno if it takes no more.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddressOfSlice, rest.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          var interest = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&interest, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }
}

extension Slice<UnsafeRawBufferPointer> {
  fileprivate var baseAddressOfSlice: UnsafeRawPointer? {
    UnsafeRawBufferPointer(rebasing: self).baseAddress
  }
}
