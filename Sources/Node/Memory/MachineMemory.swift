/// How much memory this process may have: the machine's, or what its cgroup is limited to, whichever is less.
public enum MachineMemory {
  /// What a drone takes unless it is told otherwise: three quarters of it.
  public static var standardCeiling: Int { limit() / 4 * 3 }

  /// - Parameter root: where `/proc` and `/sys` are, for tests.
  /// - Returns: bytes; a gibibyte where nothing can be found out.
  static func limit(root: String = "") -> Int {
    let limits = [machine(root)] + groups(root)
    return limits.compactMap { $0 }.filter { $0 > 0 }.min() ?? 1 << 30
  }

  private static func machine(_ root: String) -> Int? {
    let line = text("\(root)/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
    let kibibytes = line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return kibibytes.flatMap { $0.multipliedReportingOverflow(by: 1024).overflow ? nil : $0 * 1024 }
  }

  /// The limits of the process's group and of every group that it is in, of both kinds of cgroups.
  private static func groups(_ root: String) -> [Int?] {
    text("\(root)/proc/self/cgroup").split(separator: "\n").flatMap { line -> [Int?] in
      // hierarchy:controllers:path
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { return [] }
      if parts[1].isEmpty { return limits("\(root)/sys/fs/cgroup", parts[2], "memory.max") }
      guard parts[1].split(separator: ",").contains("memory") else { return [] }
      return limits("\(root)/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes")
    }
  }

  /// In a container the path may be the one outside of it: then what is found is the limit at the top.
  private static func limits(_ mount: String, _ path: Substring, _ file: String) -> [Int?] {
    var parts = path.split(separator: "/").prefix(64).filter { $0 != ".." }
    var limits = [number("\(mount)/\(file)")]
    while !parts.isEmpty {
      limits.append(number("\(mount)/\(parts.joined(separator: "/"))/\(file)"))
      parts.removeLast()
    }
    return limits
  }

  /// Nil also for “max”.
  private static func number(_ path: String) -> Int? {
    Int(text(path).split(separator: "\n").first ?? "")
  }

  static func text(_ path: String) -> String {
    guard let bytes = try? NodeFiles.unexaminedContents(of: path, maximum: 1 << 16) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
