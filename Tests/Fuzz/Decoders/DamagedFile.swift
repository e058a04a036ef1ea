import Foundation
import FuzzHarness
import Glibc

/// A file as it was written, and a folder in which it is put with changes: what a disk may do to it.
final class DamagedFile: Sendable {
  let folder: String
  private let path: String
  private let whole: Data

  private static let changeLength = 5

  /// - Parameter write: makes the file in a folder.
  init(_ name: String, write: (_ folder: String) throws -> Void) {
    // In memory where that is possible: each input is a file.
    folder = temporaryFolder(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")
    path = folder + "/" + name
    do {
      try write(folder)
      whole = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      fatalError("no \(name) to begin with: \(error)")
    }
  }

  /// Puts the file there with changes: of each, three bytes say where, one how many bytes, and one what they become.
  func put(_ changes: UnsafeRawBufferPointer) {
    var file = whole
    var rest = changes[...]
    while rest.count >= Self.changeLength {
      let change = [UInt8](rest.prefix(Self.changeLength))
      rest = rest.dropFirst(Self.changeLength)
      let place = (Int(change[0]) << 16 | Int(change[1]) << 8 | Int(change[2])) % file.count
      for offset in place..<min(file.count, place + Int(change[3])) { file[offset] = change[4] }
    }
    for end in ["-wal", "-shm", "-journal"] { unlink(path + end) }
    replaceFile(path, with: file)
  }
}
