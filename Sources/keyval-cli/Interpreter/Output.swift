/// Where the interpreter writes: results for whoever reads them next, and all else for the person watching.
protocol Output {
  /// Throws `OutputError` when nobody takes the bytes any more.
  func write(result: [UInt8]) throws
  func write(remark: String)
}

/// Standard output was closed, or the disk behind it is full.
struct OutputError: Error, CustomStringConvertible {
  let reason: String
  var description: String { "cannot write to standard output: \(reason)" }
}
