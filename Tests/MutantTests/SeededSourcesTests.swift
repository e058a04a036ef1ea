import Foundation
import MutantCatalogue
import Testing

@testable import keyval_mutate

@Suite("The sources with mutants") struct SeededSourcesTests {
  private static func mutant(_ name: String, file: String = "Core/A.swift") -> Mutant {
    Mutant(name, "Stops.", .foundBy(seed: 1), .before("go()", "stop()", in: file))
  }
  private static let sources = ["Sources/Core/A.swift": "go()", "Sources/Core/B.swift": "go()"]

  @Test("only the files that mutants change are changed, and the switches are added")
  func made() throws {
    let made = try SeededSources.made(of: Self.sources, [Self.mutant("one"), Self.mutant("two")])
    #expect(Set(made.keys) == Set(Self.sources.keys).union([SeededSources.switches]))
    #expect(made["Sources/Core/B.swift"] == "go()")
    #expect(made["Sources/Core/A.swift"]?.contains("MutantSwitch.two.isOn") == true)
    #expect(made[SeededSources.switches]?.contains("  case one\n  case two\n") == true)
  }

  @Test("a file that is not there is an error that names it and the mutant")
  func noFile() {
    let error = SeedingError.noFile(mutant: "one", file: "Core/C.swift")
    #expect(throws: error) {
      try SeededSources.made(of: Self.sources, [Self.mutant("one", file: "Core/C.swift")])
    }
    #expect(error.description.contains("‘one’") && error.description.contains("Sources/Core/C.swift"))
  }

  @Test("no two have the same name")
  func sameName() {
    #expect(throws: SeedingError.sameName("one")) {
      try SeededSources.made(of: Self.sources, [Self.mutant("one"), Self.mutant("one")])
    }
  }
}

@Suite("A tree of sources") struct SourceTreeTests {
  @Test("only what is new or changed is written, and what is not wanted any more is removed")
  func replaced() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "mutants-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let tree = SourceTree(root: root)
    #expect(try tree.replace(with: ["A/a": "1", "A/b": "2", "c": "3"]) == ["A/a", "A/b", "c"])
    let long = Date(timeIntervalSince1970: 1_000_000)
    for file in ["A/a", "A/b", "c"] {
      try FileManager.default.setAttributes(
        [.modificationDate: long], ofItemAtPath: root.appending(path: file).path)
    }
    #expect(try tree.replace(with: ["A/a": "1", "A/b": "two", "d": "4"]) == ["A/b", "c", "d"])
    #expect(try tree.read([("A", "A"), ("d", "D")]) == ["A/a": "1", "A/b": "two", "D": "4"])
    #expect(!FileManager.default.fileExists(atPath: root.appending(path: "c").path))
    func time(_ file: String) throws -> Date? {
      try FileManager.default.attributesOfItem(atPath: root.appending(path: file).path)[.modificationDate]
        as? Date
    }
    #expect(try time("A/a") == long)
    #expect(try time("A/b") != long)
  }

  @Test("a folder that was not made by this stays as it is, whatever is to be in it")
  func foreign() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "mutants-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    let own = root.appending(path: "a")
    try Data("mine".utf8).write(to: own)
    let tree = SourceTree(root: root)
    #expect(throws: SourceTree.NotOurs.self) { try tree.replace(with: ["a": "1", "b": "2"]) }
    #expect(try Data(contentsOf: own) == Data("mine".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["a"])
    try FileManager.default.removeItem(at: own)
    #expect(try tree.replace(with: ["b": "2"]) == ["b"], "an empty one is as good as none")
    #expect(try tree.replace(with: [:]) == ["b"])
  }
}
