import ArgumentParser

/// A key or a value on the command line: any bytes.
struct ByteArgument: ExpressibleByArgument, Sendable {
  let bytes: [UInt8]

  init(argument: String) { bytes = RawArguments.ofThisProcess.bytes(of: argument) }

  /// `-` alone: the value comes from standard input.
  var meansStandardInput: Bool { bytes == [UInt8(ascii: "-")] }
}
