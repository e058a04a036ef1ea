import MutantCatalogue

/// `[--mutant NAME] [--seed N] [--runs N] [--plain] [--trace]`
struct HuntArguments {
  /// This one alone.
  var mutant: Mutant?
  /// The first seed; nil: those that the catalogue names.
  var seed: UInt64?
  var runs: UInt64 = 200
  /// With the bounds of a release and a store that keeps up.
  var isPlain = false
  /// Tell all that happens in the run of `seed`, with the mutant or with none.
  var traces = false

  struct Misuse: Error, CustomStringConvertible {
    let description: String
  }

  static let usage = """
    usage: keyval-mutants [--seed N [--runs N] [--mutant NAME] [--plain] [--trace]]
      alone: whether each mutant is found by the seed that the catalogue names for it
      --seed N       which mutants the seeds from this one on find
      --runs N       so many seeds (200)
      --mutant NAME  this mutant alone
      --plain        with the bounds of a release, a store that keeps up, and nobody who is asked to end
      --trace        tell everything that happens in the run of this seed, with the mutant or with none
    """

  init(_ arguments: some Sequence<String>) throws(Misuse) {
    var rest = Array(arguments)[...]
    func value(_ name: String) throws(Misuse) -> String {
      guard let text = rest.popFirst() else { throw Misuse(description: "\(name) needs a value") }
      return text
    }
    func number(_ name: String) throws(Misuse) -> UInt64 {
      let text = try value(name)
      guard let number = UInt64(text), number <= UInt64.max / 2, number > 0 else {
        throw Misuse(description: "\(name) needs a whole number above 0, not ‘\(text)’")
      }
      return number
    }
    while let name = rest.popFirst() {
      switch name {
      case "--plain": isPlain = true
      case "--trace": traces = true
      case "--seed": seed = try number(name)
      case "--runs": runs = try number(name)
      case "--mutant":
        let wanted = try value(name)
        guard let known = Catalogue.mutant(wanted) else {
          throw Misuse(description: "there is no mutant ‘\(wanted)’")
        }
        mutant = known
      default: throw Misuse(description: "‘\(name)’ is no option of mine")
      }
    }
    if seed == nil, mutant != nil || traces || isPlain { throw Misuse(description: "--seed is missing") }
  }
}
