/// A deliberate fault: the program with one thing wrong, for the simulator to find. A simulator that finds none of them
/// proves nothing. No shipped source knows of them: they are planted in a copy of the sources, all at once, each behind
/// a switch of its own.
public struct Mutant: Sendable {
  /// What it is called, as its switch is.
  public let name: String
  /// What it does wrong, in a sentence.
  public let sentence: String
  public let expectation: Expectation
  public let edits: [Edit]

  public init(_ name: String, _ sentence: String, _ expectation: Expectation, _ edits: Edit...) {
    self.name = name
    self.sentence = sentence
    self.expectation = expectation
    self.edits = edits
  }

  public enum Expectation: Sendable, Equatable {
    /// A seed that finds it, and finds nothing without it. When the cores change, another may be the first:
    /// `./dev mutants --seed 1 --runs 400` tells which.
    case foundBy(seed: UInt64)
    /// Where bounds are those of a release: with small ones others hide it.
    case foundByPlain(seed: UInt64)
    /// By no seed of an ordinary run, and why.
    case hidden(String)
  }
}
