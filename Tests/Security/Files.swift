import ClusterFixture
import Foundation
import Provisioning

enum Files {
  static func bytes(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ClusterFixtureError("\(path) cannot be read")
    }
    return [UInt8](data)
  }

  /// Every file and directory below a directory, itself included.
  static func all(below path: String) -> [String] {
    let rest = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return [path] + rest.map { "\(path)/\($0)" }
  }

  /// Whether a process of that user and nothing else can read the file.
  static func isReadable(_ path: String, by user: UInt32) throws -> Bool {
    try ProgramRun.run(
      ["/usr/bin/head", "-c", "1", path], environment: [:], user: UnixUser(uid: user, gid: user)
    ).status == 0
  }

  static func mode(of path: String) -> UInt16? {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return (attributes?[.posixPermissions] as? NSNumber)?.uint16Value
  }
}
