/// `[--seed N] [--runs N] [--minutes M] [--trace]`
struct Arguments {
  /// The first seed; nil: a fresh one is drawn.
  var seed: UInt64?
  var runs: UInt64?
  var minutes: Double?
  /// Tell all that happens in the run of `seed`.
  var traces = false
  /// With the bounds of a release and a store that keeps up.
  var isPlain = false
  /// Go on when seeds have failed.
  var goesOn = false
  /// Run what the tests run instead.
  var isSuite = false

  struct Misuse: Error, CustomStringConvertible {
    let description: String
  }

  static let usage = """
    usage: keyval-simulate [--seed N] [--runs N] [--minutes M] [--plain] [--all] [--trace] | --suite
      --seed N      begin with this seed; alone: run this one
      --plain       with the bounds of a release, a store that keeps up, and nobody who is asked to end
      --all         go on after five seeds that fail, and explain none
      --trace       tell everything that happens in the run of this seed
      --runs N      run so many seeds, one after the other (200 unless --minutes is given)
      --minutes M   run seeds until so much time has passed
      --suite       run what the tests run: fixed seeds, those that once found something, and fresh ones
    """

  init(_ arguments: some Sequence<String>) throws(Misuse) {
    var rest = Array(arguments)[...]
    while let name = rest.popFirst() {
      if name == "--trace" {
        traces = true
        continue
      }
      if name == "--plain" {
        isPlain = true
        continue
      }
      if name == "--all" {
        goesOn = true
        continue
      }
      if name == "--suite" {
        isSuite = true
        continue
      }
      guard ["--seed", "--runs", "--minutes"].contains(name) else {
        throw Misuse(description: "‘\(name)’ is no option of mine")
      }
      guard let text = rest.popFirst() else { throw Misuse(description: "\(name) needs a number") }
      switch name {
      case "--seed": seed = try Self.number(text, name)
      case "--runs": runs = try Self.number(text, name)
      default:
        guard let value = Double(text), value > 0, value < 100_000 else {
          throw Misuse(description: "\(name) needs a number of minutes above 0, not ‘\(text)’")
        }
        minutes = value
      }
    }
  }

  private static func number(_ text: String, _ name: String) throws(Misuse) -> UInt64 {
    guard let number = UInt64(text), number <= UInt64.max / 2 else {
      throw Misuse(description: "\(name) needs a whole number, not ‘\(text)’")
    }
    return number
  }
}
