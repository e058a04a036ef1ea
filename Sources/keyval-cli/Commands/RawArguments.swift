import Glibc

/// Arguments as the bytes that they are. Swift repairs arguments that are no UTF-8, which would store another
/// value than the one typed; so those travel through the argument parser under a name that nobody can type,
/// drawn anew in each process.
struct RawArguments: Sendable {
  /// What the argument parser gets.
  let texts: [String]
  private let bytesByName: [String: [UInt8]]

  static let ofThisProcess = RawArguments(
    (1..<max(1, Int(CommandLine.argc))).compactMap { index in
      CommandLine.unsafeArgv[index].map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    })

  init(_ arguments: [[UInt8]]) {
    var bytesByName: [String: [UInt8]] = [:]
    texts = arguments.map { bytes in
      if let text = String(validating: bytes, as: UTF8.self) { return text }
      let name = "‹bytes \(String(UInt64.random(in: .min ... .max), radix: 36))›"
      bytesByName[name] = bytes
      return name
    }
    self.bytesByName = bytesByName
  }

  func bytes(of text: String) -> [UInt8] { bytesByName[text] ?? Array(text.utf8) }
}
