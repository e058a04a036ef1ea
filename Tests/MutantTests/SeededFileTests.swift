import MutantCatalogue
import Testing

@testable import keyval_mutate

@Suite("A file with mutants") struct SeededFileTests {
  private static let text = """
    struct Lease {
      var end = 0

      func isOver(_ now: Int) -> Bool {
        guard end > 0 else { return false }
        return now > end
      }

      var text: String { "until \\(end)" }
    }

    """

  private static func seeded(
    _ edits: [(mutant: String, edit: Edit)], in text: String = text
  ) throws(SeedingError) -> String {
    var file = SeededFile("Core/Lease.swift", text)
    for (mutant, edit) in edits { try file.add(edit, of: mutant) }
    return file.seeded()
  }

  @Test("statements are run in front of lines, or in their place, while the mutant is on")
  func statements() throws {
    let seeded = try Self.seeded([
      ("never", .before("guard end > 0 else { return false }", "return false", in: "")),
      ("late", .instead(of: "return now > end", "return now > end + 1", in: "")),
    ])
    #expect(
      seeded.contains(
        """
          func isOver(_ now: Int) -> Bool {
            if MutantSwitch.never.isOn {
              return false
            }
            guard end > 0 else { return false }
            if MutantSwitch.late.isOn {
              return now > end + 1
            } else {
              return now > end
            }
          }

        """))
    #expect(seeded.hasPrefix("import MutantSwitches\nstruct Lease {"))
  }

  @Test("of several that change the same statements, or the same expression, the one that is on is run")
  func several() throws {
    let statements = try Self.seeded([
      ("one", .instead(of: "return now > end", "return true", in: "")),
      ("two", .instead(of: "return now > end", "return false", in: "")),
    ])
    #expect(
      statements.contains(
        """
            if MutantSwitch.one.isOn {
              return true
            } else if MutantSwitch.two.isOn {
              return false
            } else {
              return now > end
            }

        """))
    let expressions = try Self.seeded([
      ("one", .expression("end > 0", is: "true", in: "")),
      ("two", .expression("end > 0", is: "false", in: "")),
    ])
    #expect(
      expressions.contains(
        "guard (MutantSwitch.one.isOn ? (true) : MutantSwitch.two.isOn ? (false) : (end > 0)) else {"))
  }

  @Test("what one changes within the lines that another replaces is changed where they are not replaced")
  func nested() throws {
    let seeded = try Self.seeded([
      (
        "outer",
        .instead(
          of: """
            guard end > 0 else { return false }
            return now > end
            """, "return true", in: "")
      ),
      ("inner", .before("return now > end", "return false", in: "")),
      ("part", .expression("now > end", is: "now < end", in: "")),
    ])
    #expect(
      seeded.contains(
        """
            if MutantSwitch.outer.isOn {
              return true
            } else {
              guard end > 0 else { return false }
              if MutantSwitch.inner.isOn {
                return false
              }
              return (MutantSwitch.part.isOn ? (now < end) : (now > end))
            }

        """))
  }

  @Test("an expression that stands there twice is known by what it is a part of")
  func part() throws {
    let edit = Edit.expression("end", of: "now > end", is: "0", in: "")
    #expect(try Self.seeded([("zero", edit)]).contains("return now > (MutantSwitch.zero.isOn ? (0) : (end))"))
    #expect(
      throws: SeedingError.notOnce(mutant: "zero", file: "Core/Lease.swift", text: "end", count: 4)
    ) { try Self.seeded([("zero", .expression("end", is: "0", in: ""))]) }
  }

  @Test("declarations are there whether a mutant is on or not")
  func declarations() throws {
    let edit = Edit.declarations("var kept: Int?\n", before: "func isOver(_ now: Int) -> Bool {", in: "")
    #expect(try Self.seeded([("keep", edit)]).contains("\n  var kept: Int?\n\n  func isOver"))
  }

  @Test("lines that are not there any more are an error that names the mutant and the file, and shows them")
  func gone() throws {
    let edit = Edit.instead(of: "return now >= end", "return true", in: "Core/Lease.swift")
    let error = SeedingError.notOnce(
      mutant: "late", file: "Core/Lease.swift", text: "return now >= end", count: 0)
    #expect(throws: error) { try Self.seeded([("late", edit)]) }
    for part in ["‘late’", "nowhere in Sources/Core/Lease.swift", "return now >= end"] {
      #expect(error.description.contains(part))
    }
  }

  @Test("so are lines that stand there more than once, a part of a line, and lines otherwise indented")
  func notOnce() {
    func count(of lines: String, in text: String) -> Int? {
      do throws(SeedingError) {
        _ = try Self.seeded([("late", .before(lines, "stop()", in: ""))], in: text)
        return nil
      } catch {
        if case .notOnce(_, _, _, let count) = error { return count }
        return -1
      }
    }
    #expect(count(of: "go()", in: "{\n  go()\n}") == nil)
    #expect(count(of: "go()", in: "{\n  go()\n  go()\n}") == 2)
    #expect(count(of: "go()", in: "{ go() }") == 0)
    #expect(count(of: "go()\n  stay()", in: "  go()\n    stay()\n") == nil)
    #expect(count(of: "go()\n  stay()", in: "  go()\n  stay()\n") == 0)
    #expect(count(of: "go()\nstay()", in: "go()") == 0)
  }

  @Test("two that change different parts of the same lines cannot be planted together")
  func overlap() {
    let both = """
      guard end > 0 else { return false }
      return now > end
      """
    #expect(throws: SeedingError.overlap(file: "Core/Lease.swift", mutants: ["one", "two"])) {
      try Self.seeded([
        ("one", .instead(of: both, "return true", in: "")),
        ("two", .instead(of: "return now > end", "return false", in: "")),
      ])
    }
    #expect(throws: SeedingError.overlap(file: "Core/Lease.swift", mutants: ["one", "two"])) {
      try Self.seeded([
        ("one", .expression("now > end", is: "true", in: "")),
        ("two", .expression("end", of: "> end", is: "0", in: "")),
      ])
    }
  }
}
