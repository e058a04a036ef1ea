/// Why mutants cannot be planted; it says which entry of the catalogue is to be mended.
enum SeedingError: Error, Equatable, CustomStringConvertible {
  /// What a mutant changes is not there, or there more than once.
  case notOnce(mutant: String, file: String, text: String, count: Int)
  case noFile(mutant: String, file: String)
  case overlap(file: String, mutants: [String])
  case sameName(String)

  var description: String {
    switch self {
    case .notOnce(let mutant, let file, let text, let count):
      """
      the mutant ‘\(mutant)’ changes what stands \(count == 0 ? "nowhere" : "\(count) times") in Sources/\(file), and \
      must stand there once; mend its entry in Tests/Mutants/Catalogue:
      \(text)
      """
    case .noFile(let mutant, let file):
      "the mutant ‘\(mutant)’ changes Sources/\(file), which is not there; mend its entry in Tests/Mutants/Catalogue"
    case .overlap(let file, let mutants):
      "mutants change parts of the same lines of Sources/\(file): \(mutants.joined(separator: ", "))"
    case .sameName(let name): "two mutants have the name ‘\(name)’"
    }
  }
}
