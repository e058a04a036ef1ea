import Glibc

/// The environment of this process.
enum ProcessEnvironment {
  static var all: [String: String] {
    var all: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let halves = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if halves.count == 2 { all[String(halves[0])] = String(halves[1]) }
      entry += 1
    }
    return all
  }

  static subscript(name: String) -> String? { all[name] }
}
