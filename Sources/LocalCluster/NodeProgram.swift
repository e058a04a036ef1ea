import Foundation

/// The `keyval` program as the nodes' users can run it.
///
/// A program that root built in a home directory cannot be reached by an unprivileged user, and neither can a
/// Swift runtime there. Only then both are copied into the cluster's directory.
public struct NodeProgram: Sendable {
  public let path: String
  /// What its environment needs beyond the usual.
  public let environment: [String: String]

  /// - Parameters:
  ///   - original: the running program.
  ///   - user: one of them; what he can reach, every user can.
  /// - Throws: when the user cannot even reach the cluster's directory.
  public static func prepare(
    _ original: String, for user: ServiceUser, in directory: ClusterDirectory
  ) throws(LocalClusterError) -> NodeProgram {
    guard user.isOther else { return NodeProgram(path: original, environment: [:]) }
    guard runs("/usr/bin/test", ["-x", directory.path], [:], user, directory) else {
      throw LocalClusterError(
        .input,
        "started as root, the nodes run as users without rights, who cannot reach \(directory.path); choose a "
          + "directory that others may enter, such as one under /tmp")
    }
    if runs(original, ["--version"], [:], user, directory) {
      return NodeProgram(path: original, environment: [:])
    }
    let copy = try copied(original, into: directory)
    guard runs(copy.path, ["--version"], copy.environment, user, directory) else {
      throw LocalClusterError(
        .system, "a user without rights can run neither \(original) nor a copy of it in \(directory.path)")
    }
    return copy
  }

  private static func runs(
    _ program: String, _ arguments: [String], _ environment: [String: String], _ user: ServiceUser,
    _ directory: ClusterDirectory
  ) -> Bool {
    let launcher = ProcessLauncher(user: user, environment: environment)
    guard let process = try? launcher.launch(program, arguments, log: "/dev/null") else { return false }
    return process.wait() == 0
  }

  private static func copied(
    _ original: String, into directory: ClusterDirectory
  ) throws(LocalClusterError) -> NodeProgram {
    let folder = "\(directory.path)/program"
    do {
      try? FileManager.default.removeItem(atPath: folder)
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      for file in [original] + librariesInUse() {
        try FileManager.default.copyItem(
          atPath: file, toPath: "\(folder)/\((file as NSString).lastPathComponent)")
      }
    } catch {
      throw LocalClusterError(.system, "cannot copy the program into \(folder): \(error)")
    }
    return NodeProgram(
      path: "\(folder)/\((original as NSString).lastPathComponent)", environment: ["LD_LIBRARY_PATH": folder])
  }

  /// The shared libraries of this process that are not the system's.
  private static func librariesInUse() -> [String] {
    let maps = readSmallFile("/proc/self/maps", limit: 4 << 20) ?? ""
    var paths: Set<String> = []
    for line in maps.split(separator: "\n") {
      guard let start = line.firstIndex(of: "/") else { continue }
      let path = String(line[start...])
      let isSystems = ["/lib/", "/lib64/", "/usr/lib/"].contains { path.hasPrefix($0) }
      if path.contains(".so"), !isSystems { paths.insert(path) }
    }
    return paths.sorted()
  }
}
