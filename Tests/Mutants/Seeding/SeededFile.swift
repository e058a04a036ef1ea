import MutantCatalogue

/// A source file with all mutants that change it, each behind its switch.
///
/// Where a text stands is looked for in the file as it is, so mutants do not see each other's changes. Several may
/// change the same statements, or the same expression: then they are asked one after the other which of them is on.
struct SeededFile {
  /// Under Sources.
  private let name: String
  private let text: String
  private let lines: [Substring]
  /// In front of the line of that index.
  private var insertions: [Int: [String]] = [:]
  private var replacements: [Range<Int>: [(mutant: String, text: String)]] = [:]
  private var expressions: [Range<String.Index>: [(mutant: String, text: String)]] = [:]

  init(_ name: String, _ text: String) {
    self.name = name
    self.text = text
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  mutating func add(_ edit: Edit, of mutant: String) throws(SeedingError) {
    switch edit.change {
    case .instead(let text):
      let range = try lines(of: edit, mutant)
      for (other, mutants) in replacements where other != range && other.overlaps(range) {
        throw .overlap(file: name, mutants: mutants.map(\.mutant) + [mutant])
      }
      replacements[range, default: []].append((mutant, text))
    case .before(let text):
      let block = "if \(Self.isOn(mutant)) {\n\(Self.indented(text, by: 2))\n}"
      insertions[try lines(of: edit, mutant).lowerBound, default: []].append(block)
    case .declarations(let text):
      insertions[try lines(of: edit, mutant).lowerBound, default: []].append(text)
    case .expression(let expression, let text):
      let whole = try place(of: edit.original, in: self.text[...], mutant)
      let range = try place(of: expression, in: self.text[whole], mutant)
      for (other, mutants) in expressions where other != range && other.overlaps(range) {
        throw .overlap(file: name, mutants: mutants.map(\.mutant) + [mutant])
      }
      expressions[range, default: []].append((mutant, text))
    }
  }

  /// The file as it is compiled.
  func seeded() -> String {
    let lines = linesWithExpressions()
    var out = ["import MutantSwitches"]
    var index = 0
    while index < lines.count {
      for insertion in insertions[index] ?? [] { out.append(Self.indented(insertion, by: indent(index))) }
      guard let (range, mutants) = replacements.first(where: { $0.key.lowerBound == index }) else {
        out.append(lines[index])
        index += 1
        continue
      }
      var rest: [String] = []
      for place in range {
        if place > index {
          rest += (insertions[place] ?? []).map { Self.indented($0, by: indent(place)) }
        }
        rest.append(lines[place])
      }
      out.append(chosen(mutants, otherwise: rest, indent: indent(index)))
      index = range.upperBound
    }
    return out.joined(separator: "\n")
  }

  private func chosen(
    _ mutants: [(mutant: String, text: String)], otherwise rest: [String], indent: Int
  ) -> String {
    let margin = String(repeating: " ", count: indent)
    let branches = mutants.map { mutant, text in
      "if \(Self.isOn(mutant)) {\n\(Self.indented(text, by: indent + 2))\n\(margin)}"
    }
    return margin + branches.joined(separator: " else ") + " else {\n"
      + Self.indented(rest.joined(separator: "\n"), by: 2) + "\n\(margin)}"
  }

  /// Expressions stay on their lines, so that these have the same numbers.
  private func linesWithExpressions() -> [String] {
    var text = text
    for (range, mutants) in expressions.sorted(by: { $0.key.lowerBound > $1.key.lowerBound }) {
      let branches = mutants.map { "\(Self.isOn($0.mutant)) ? (\($0.text)) : " }.joined()
      text.replaceSubrange(range, with: "(\(branches)(\(text[range])))")
    }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  // MARK: Places

  /// The one place where these lines stand, each as it is but for one indentation that all have in common.
  private func lines(of edit: Edit, _ mutant: String) throws(SeedingError) -> Range<Int> {
    let wanted = edit.original.split(separator: "\n", omittingEmptySubsequences: false)
    let starts = lines.indices.filter { start in
      guard lines.count - start >= wanted.count else { return false }
      let margin = String(repeating: " ", count: indent(start))
      return zip(lines[start...], wanted).allSatisfy { $0 == ($1.isEmpty ? "" : margin + $1) }
    }
    guard let start = starts.first, starts.count == 1 else {
      throw .notOnce(mutant: mutant, file: name, text: edit.original, count: starts.count)
    }
    return start..<start + wanted.count
  }

  /// The one place where it stands.
  private func place(
    of wanted: String, in text: Substring, _ mutant: String
  ) throws(SeedingError) -> Range<String.Index> {
    let ranges = text.ranges(of: wanted)
    guard let range = ranges.first, ranges.count == 1 else {
      throw .notOnce(mutant: mutant, file: name, text: wanted, count: ranges.count)
    }
    return range
  }

  private func indent(_ line: Int) -> Int { lines[line].prefix { $0 == " " }.count }

  private static func indented(_ text: String, by count: Int) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : String(repeating: " ", count: count) + $0 }.joined(separator: "\n")
  }

  private static func isOn(_ mutant: String) -> String { "MutantSwitch.\(mutant).isOn" }
}
