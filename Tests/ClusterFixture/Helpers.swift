import Glibc
import Kerberos
import Keyval
import LocalCluster
import Synchronization

/// Asks a starting cluster whether it serves, by one client for the whole time.
final class ServingProbe: Sendable {
  private let directory: ClusterDirectory
  private let client = Mutex<KeyvalClient?>(nil)

  init(_ directory: ClusterDirectory) { self.directory = directory }

  var ask: LocalCluster.Probe {
    { [self] in
      let status = try await connected().status()
      return status.slotsServed == 16_384
    }
  }

  /// Its configuration is there only once the nodes are started.
  private func connected() throws -> KeyvalClient {
    try client.withLock { client in
      if let client { return client }
      var configuration = try ClientConfiguration.load(path: directory.clientConfiguration)
      configuration.credentialCache = "FILE:\(directory.cache(of: "alice"))"
      let made = try KeyvalClient(configuration: configuration)
      client = made
      return made
    }
  }

  func close() { client.withLock { $0?.close() } }
}

enum OneTimePasswords {
  static func draw() -> String { OneTimePassword.generate() }
}

enum TextFile {
  static func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

  /// For the owner alone.
  static func copy(_ path: String, to target: String) throws {
    let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0, let bytes = bytes(path), write(descriptor, bytes, bytes.count) == bytes.count
    else {
      throw ClusterFixtureError("\(path) cannot be copied to \(target)")
    }
    close(descriptor)
  }

  /// The names in a directory, in order; none where there is no such directory.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func bytes(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return bytes
  }
}
