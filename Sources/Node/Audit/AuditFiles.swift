import Audit
import Glibc

/// The files of audit logs on disk, for whoever verifies them.
public enum AuditFiles {
  /// The logs in a directory, each with its files: `NAME.jsonl`, `NAME.jsonl.1`, …
  /// - Throws: `NodeError.unusableFile` when it cannot be read.
  public static func logs(in directory: String) throws(NodeError) -> [[String]] {
    guard let handle = opendir(directory) else {
      throw .unusableFile(
        path: directory, key: nil, problem: "cannot be read: \(NodeFiles.reason(errno))",
        remedy: "Name a directory that is there and that this user may read.")
    }
    defer { closedir(handle) }
    var logs: [String: [String]] = [:]
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      guard let log = Self.log(ofFile: name) else { continue }
      logs[log, default: []].append("\(directory)/\(name)")
    }
    return logs.sorted { $0.key < $1.key }.map(\.value)
  }

  /// `NAME.jsonl` of `NAME.jsonl.3`; nil for a file of another kind.
  private static func log(ofFile name: String) -> String? {
    if name.hasSuffix(".jsonl") { return name }
    guard let dot = name.lastIndex(of: "."), name[..<dot].hasSuffix(".jsonl"),
      UInt16(name[name.index(after: dot)...]) != nil
    else { return nil }
    return String(name[..<dot])
  }

  /// Reads the files of one log, in the order of their first lines, whatever they are called.
  /// - Parameters:
  ///   - expected: lines that must be there.
  ///   - report: told of each finding.
  /// - Throws: `NodeError.unusableFile` when one cannot be read.
  public static func verify(
    _ paths: [String], expected: [AuditHead], report: @escaping (AuditFinding) -> Void
  ) throws(NodeError) -> AuditVerifier.Summary {
    var files: [OpenFile] = []
    defer { for file in files { close(file.descriptor) } }
    // A node that rotates its log meanwhile may have one file opened twice, and another not at all: then all once more.
    for attempt in 0..<10 {
      for file in files { close(file.descriptor) }
      files = []
      for path in paths { try files.append(open(path)) }
      if attempt == 9 || files.allSatisfy(\.isStillThere) { break }
    }
    // Of two that begin anew the one with a number is the older.
    files.sort { $0.first == $1.first ? $0.path > $1.path : $0.first < $1.first }
    var verifier = AuditVerifier(expected: expected, report: report)
    for file in files {
      verifier.begin(file: file.path)
      while true {
        let bytes = try read(file.path, file.descriptor)
        if bytes.isEmpty { break }
        verifier.read(bytes)
      }
    }
    return verifier.finish()
  }

  private struct OpenFile {
    let path: String
    let descriptor: Int32
    var first: UInt64 = .max

    /// Whether the path still names the file that is open.
    var isStillThere: Bool {
      var (own, named) = (stat(), stat())
      return fstat(descriptor, &own) == 0 && stat(path, &named) == 0 && own.st_ino == named.st_ino
        && own.st_dev == named.st_dev
    }
  }

  private static func open(_ path: String) throws(NodeError) -> OpenFile {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path) }
    do throws(NodeError) {
      let first = AuditVerifier.firstSequence(in: try read(path, descriptor))
      guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw unreadable(path) }
      return OpenFile(path: path, descriptor: descriptor, first: first)
    } catch {
      close(descriptor)
      throw error
    }
  }

  private static func read(_ path: String, _ descriptor: Int32) throws(NodeError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 128 << 10)
    while true {
      let count = Glibc.read(descriptor, &bytes, bytes.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw unreadable(path) }
      return Array(bytes.prefix(count))
    }
  }

  private static func unreadable(_ path: String) -> NodeError {
    .unusableFile(
      path: path, key: nil, problem: "cannot be read: \(NodeFiles.reason(errno))",
      remedy: "Name an audit log's files, as a user who may read them.")
  }
}
