import Foundation
import MutantCatalogue

/// A package of its own with all mutants, made of this one's sources.
enum SeededCopy {
  /// Where it is from and where it is, in the copy.
  private static let paths: [(path: String, newPath: String)] =
    SeededSources.folders.map { ("Sources/\($0)", "Sources/\($0)") }
    + SeededSources.shared.map { ("Sources/keyval-simulate/\($0)", "Sources/keyval-mutants/\($0)") }
    + [
      ("Certs", "Certs"),
      ("Tests/Mutants/Catalogue", "Sources/MutantCatalogue"),
      ("Tests/Mutants/Hunting", "Sources/keyval-mutants"),
      ("Tests/Mutants/Package.swift", "Package.swift"),
    ]

  /// - Returns: all its files, by their paths.
  static func contents(of package: URL) throws -> [String: String] {
    try SeededSources.made(of: SourceTree(root: package).read(paths), Catalogue.mutants)
  }

  /// Makes it, or brings it up to date.
  /// - Returns: the files that were changed.
  static func write(to directory: URL, from package: URL) throws -> [String] {
    try SourceTree(root: directory).replace(with: contents(of: package))
  }
}
