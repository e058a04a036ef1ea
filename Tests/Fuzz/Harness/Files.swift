import Foundation
import Glibc

/// A folder of this process, gone with it unless it is killed.
public func temporaryFolder(in parent: String) -> String {
  var template = Array("\(parent)/keyval-fuzz-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { fatalError("no folder in \(parent)") }
  let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  folders.append(path)
  if folders.count == 1 {
    atexit { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
  }
  return path
}

private nonisolated(unsafe) var folders: [String] = []

/// Writes a small file of this user's alone.
public func replaceFile(_ path: String, with bytes: some ContiguousBytes & Collection) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  defer { close(descriptor) }
  let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  guard descriptor >= 0, written == bytes.count else { fatalError("\(path) cannot be written") }
}
