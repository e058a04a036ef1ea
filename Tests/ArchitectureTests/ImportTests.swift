import Foundation
import Testing

@Suite("Import directions") struct ImportTests {
  private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources")

  /// A line of a source file that imports a module.
  struct Import: Equatable {
    let file: String
    let module: String
  }

  /// The module that a line imports: `@testable public import struct Wire.CBORReader` imports Wire.
  static func module(ofLine line: Substring) -> String? {
    var words = line.split(separator: " ").map(String.init)
    let modifiers: Set<String> = ["public", "internal", "package", "private", "fileprivate"]
    while let word = words.first, word.hasPrefix("@") || modifiers.contains(word) { words.removeFirst() }
    guard words.first == "import", words.count > 1 else { return nil }
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
    let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
    return name.split(separator: ".").first.map(String.init)
  }

  private static func imports(of target: String) throws -> [Import] {
    let folder = sources.appending(path: target)
    let files = try #require(FileManager.default.enumerator(atPath: folder.resolvingSymlinksInPath().path))
    var found: [Import] = []
    for case let file as String in files where file.hasSuffix(".swift") {
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      for line in text.split(separator: "\n") {
        if let module = module(ofLine: line) {
          found.append(Import(file: "\(target)/\(file)", module: module))
        }
      }
    }
    return found
  }

  @Test("every folder of Sources has its place among the layers")
  func complete() throws {
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Self.sources.resolvingSymlinksInPath().path
    )
    .filter { !$0.hasPrefix(".") }
    #expect(Set(folders).subtracting(Layers.targets.keys) == [], "add it to Layers.swift, after some thought")
  }

  @Test("the imports of a folder are found at all")
  func found() throws {
    #expect(try Self.imports(of: "Cluster").contains { $0.module == "Wire" })
  }

  @Test("no file imports what its layer may not", arguments: Layers.targets.keys.sorted())
  func directions(target: String) throws {
    let layer = try #require(Layers.targets[target])
    let allowed = layer.ours.union(layer.others)
    for found in try Self.imports(of: target) where !allowed.contains(found.module) {
      Issue.record("\(found.file) imports \(found.module); \(target) may import \(allowed.sorted())")
    }
  }

  @Test("the layers have no circle: whoever is imported imports nobody who imports him")
  func noCircles() {
    func reaches(_ from: String, _ to: String, _ seen: Set<String> = []) -> Bool {
      guard !seen.contains(from), let layer = Layers.targets[from] else { return false }
      return layer.ours.contains(to) || layer.ours.contains { reaches($0, to, seen.union([from])) }
    }
    for target in Layers.targets.keys.sorted() { #expect(!reaches(target, target), "\(target)") }
  }

  @Test("the roles' cores know neither each other nor anything that does I/O")
  func cores() throws {
    for core in ["Authority", "Commander", "Drone", "Database"] {
      let layer = try #require(Layers.targets[core])
      // What a drone leaves in its journal it writes to memory that it is given.
      let format: Set<String> = core == "Drone" ? ["Journal"] : []
      // It tells the processor what memory to fetch.
      let hints: Set<String> = core == "Drone" ? ["CProcessor"] : []
      // Its loops read each other's partitions under locks.
      let locks: Set<String> = core == "Drone" ? ["Synchronization"] : []
      #expect(
        layer.ours == format.union(hints).union(["Cluster", "Wire"]) && layer.others == locks, "\(core)")
    }
    let journal = try #require(Layers.targets["Journal"])
    #expect(journal.ours == ["Cluster", "Wire"] && journal.others == ["Synchronization"])
  }

  @Test("import lines are recognised in all their forms")
  func recognition() {
    #expect(Self.module(ofLine: "import Wire") == "Wire")
    #expect(Self.module(ofLine: "  @testable import Cluster") == "Cluster")
    #expect(Self.module(ofLine: "@preconcurrency public import struct NIOCore.ByteBuffer") == "NIOCore")
    #expect(Self.module(ofLine: "// import Foundation") == nil)
    #expect(Self.module(ofLine: "let important = 1") == nil)
  }
}
