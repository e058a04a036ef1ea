import Foundation
import MutantCatalogue
import Testing

@testable import keyval_mutate

@Suite("The catalogue of mutants") struct CatalogueTests {
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static let sources = Result {
    try SourceTree(root: package).read(SeededSources.folders.map { ("Sources/\($0)", "Sources/\($0)") })
  }

  @Test(
    "what a mutant changes stands in the sources, once; who has edited it mends the entry",
    arguments: Catalogue.mutants.map(\.name))
  func stands(name: String) throws {
    let mutant = try #require(Catalogue.mutant(name))
    let sources = try Self.sources.get()
    do throws(SeedingError) {
      _ = try SeededSources.made(of: sources, [mutant])
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test("all of them are planted in one copy, each behind its switch")
  func together() throws {
    let seeded = try SeededCopy.contents(of: Self.package)
    let text = seeded.filter { $0.key.hasPrefix("Sources/") }.values.joined()
    for mutant in Catalogue.mutants { #expect(text.contains("MutantSwitch.\(mutant.name).isOn")) }
    #expect(seeded["Package.swift"]?.contains("keyval-mutants") == true)
    #expect(seeded["Sources/Wire/Limits.swift"] == (try Self.sources.get()["Sources/Wire/Limits.swift"]))
  }

  @Test("each is told in a sentence, and most are found")
  func told() {
    for mutant in Catalogue.mutants {
      #expect(mutant.sentence.hasSuffix(".") && !mutant.edits.isEmpty, "\(mutant.name)")
      for case .expression(let expression, let text) in mutant.edits.map(\.change) {
        #expect(!(expression + text).contains("\n"), "\(mutant.name)")
      }
    }
    let hidden = Catalogue.mutants.count { if case .hidden = $0.expectation { true } else { false } }
    #expect(Catalogue.mutants.count >= 50 && hidden <= 4)
  }

  @Test("no source that is shipped knows of them, and none that they change is compiled in two ways")
  func apart() throws {
    let all = try SourceTree(root: Self.package).read([("Sources", "Sources")])
    #expect(all.count > 400)
    for (file, text) in all {
      #expect(!text.lowercased().contains("mutant") && !text.contains("KEYVAL_MUTATIONS"), "\(file)")
    }
    for (file, text) in try Self.sources.get() where file.hasSuffix(".swift") {
      let conditions = text.split(separator: "\n").filter { $0.drop { $0 == " " }.hasPrefix("#if") }
      #expect(conditions == [], "\(file)")
    }
  }
}
