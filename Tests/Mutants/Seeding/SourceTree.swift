import Foundation

/// Text files in folders.
struct SourceTree {
  let root: URL

  struct Unreadable: Error, CustomStringConvertible {
    let path: String
    var description: String { "\(path) cannot be read as text" }
  }

  /// What stands in the files of these folders and in these files, by the paths that they are to have.
  func read(_ paths: [(path: String, newPath: String)]) throws -> [String: String] {
    var texts: [String: String] = [:]
    for (path, newPath) in paths {
      guard let files = try files(under: path) else {
        texts[newPath] = try text(of: path)
        continue
      }
      for file in files { texts["\(newPath)/\(file)"] = try text(of: "\(path)/\(file)") }
    }
    return texts
  }

  /// Whoever names another folder by mistake would lose what is in it.
  struct NotOurs: Error, CustomStringConvertible {
    let path: String
    var description: String {
      "\(path) has files that were not made here, which would be removed; name a new or empty folder"
    }
  }

  /// Stands in a folder that was made here.
  static let mark = ".made-of-sources"

  /// Writes what is new or has changed, and removes what is not among it. Files that are as they are to be keep their
  /// times, so that only what depends on the others is compiled again.
  /// - Returns: what was written and removed, in order.
  /// - Throws: ``NotOurs`` before anything is changed, and what the system says.
  func replace(with texts: [String: String]) throws -> [String] {
    let present = try files(under: "") ?? []
    guard present.isEmpty || present.contains(Self.mark) else { throw NotOurs(path: root.path) }
    // First, so that a copy that was not finished is known again.
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    if present.isEmpty { try Data().write(to: root.appending(path: Self.mark)) }
    var changed: [String] = []
    for file in present where texts[file] == nil && file != Self.mark {
      try FileManager.default.removeItem(at: root.appending(path: file))
      changed.append(file)
    }
    for (path, text) in texts.sorted(by: { $0.key < $1.key }) {
      let place = root.appending(path: path)
      let data = Data(text.utf8)
      if (try? Data(contentsOf: place)) == data { continue }
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try data.write(to: place)
      changed.append(path)
    }
    return changed.sorted()
  }

  /// The files in a folder and those below it; nil where there is no such folder.
  private func files(under path: String) throws -> [String]? {
    let folder = path.isEmpty ? root : root.appending(path: path)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue
    else {
      return nil
    }
    return try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { file in
      var isFolder: ObjCBool = false
      let place = folder.appending(path: file).path
      return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) && !isFolder.boolValue
    }
    .sorted()
  }

  private func text(of path: String) throws -> String {
    guard let text = String(data: try Data(contentsOf: root.appending(path: path)), encoding: .utf8) else {
      throw Unreadable(path: path)
    }
    return text
  }
}
