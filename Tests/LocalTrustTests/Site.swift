import Foundation
import Glibc
import Testing

@testable import LocalTrust

/// A folder of its own in /tmp, where files can be given any owner and mode.
final class Site {
  /// Somebody else, whom this system need not know.
  static let stranger: uid_t = 61_001

  let path: String

  init() throws {
    var template = Array("/tmp/keyval-trust.XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String, _ text: String = "text", mode: mode_t = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    try #require(chmod(file, mode) == 0)
    return file
  }

  func folder(_ name: String, mode: mode_t = 0o700) throws -> String {
    let folder = "\(path)/\(name)"
    try #require(mkdir(folder, 0o700) == 0 && chmod(folder, mode) == 0)
    return folder
  }

  func link(_ name: String, to target: String) throws -> String {
    let link = "\(path)/\(name)"
    try #require(symlink(target, link) == 0)
    return link
  }

  /// Only root gives files away.
  func giveAway(_ path: String) throws { try #require(lchown(path, Self.stranger, Self.stranger) == 0) }
}

/// What is wrong, nil if nothing is.
func refusal(_ body: () throws(TrustError) -> Void) -> TrustError? {
  do throws(TrustError) {
    try body()
    return nil
  } catch {
    return error
  }
}
