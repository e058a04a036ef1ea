import Testing

@testable import Cluster

@Suite("The access list") struct AccessListTests {
  private static func list(_ text: String) throws(AccessListError) -> AccessList {
    try AccessList(parsing: [UInt8](text.utf8))
  }

  private static func principal(_ text: String) -> Principal { try! Principal(text) }

  private static func permits(
    _ list: AccessList, _ principal: String, _ operation: AccessOperations, _ key: String
  ) -> Bool {
    let rights = list.rights(of: Self.principal(principal))
    let key = [UInt8](key.utf8)
    let deciding = list.deciding(operation, on: key, for: Self.principal(principal))
    let isPermitted = key.withUnsafeBytes { key in
      AccessOperations.onCluster.contains(operation)
        ? rights.permits(operation) : rights.permits(operation, on: key)
    }
    #expect(isPermitted == (deciding?.operations.contains(operation) ?? false))
    return isPermitted
  }

  @Test("lines of all kinds are read, and comments and empty lines are passed over")
  func good() throws {
    let list = try Self.list(
      """
      # who may do what

      alice@KEYVAL.TEST *
      \tbob@KEYVAL.TEST   r  public/\\x00\\s\\t\\n\\r\\0\\\\\\#\\*\\xfF  # a comment
      */*@* - *
      batch/*@R  rwd  {tag}é
      *@R sa\r
      carol@R rwdsa
      eve@R -  secret/
      dan@R * dan/
      #

      """)
    #expect(list.lines.map(\.number) == [3, 4, 5, 6, 7, 8, 9, 10])
    #expect(
      list.lines.map { "\($0.pattern)" } == [
        "alice@KEYVAL.TEST", "bob@KEYVAL.TEST", "*/*@*", "batch/*@R", "*@R", "carol@R", "eve@R", "dan@R",
      ])
    #expect(
      list.lines.map(\.operations) == [
        .all, .get, [], .onKeys, .onCluster, .all, [], .all,
      ])
    #expect(list.lines[1].prefix == [UInt8]("public/".utf8) + [0, 32, 9, 10, 13, 0, 92, 35, 42, 255])
    #expect(list.lines[3].prefix == [UInt8]("{tag}é".utf8))
    #expect(list.lines[0].prefix.isEmpty && list.lines[2].prefix.isEmpty && list.lines[4].prefix.isEmpty)
  }

  @Test(
    "a mistake is told with its line, its column and what to write instead",
    arguments: [
      ("", 1, 1, .empty), ("# only this\n", 1, 1, .empty), ("a@R *", 1, 5, .cutOff),
      ("a@R *\nb@R r pub", 2, 9, .cutOff), ("a@R\n", 1, 4, .noOperations),
      ("a@R # r\n", 1, 8, .noOperations), ("a@R r p q\n", 1, 9, .tooManyWords("q")),
      ("a r\n", 1, 1, .noRealm("a")), ("* r\n", 1, 1, .noRealm("*")), ("a@ r\n", 1, 1, .noRealm("a@")),
      ("a@R@S r\n", 1, 1, .badPattern("a@R@S")), ("a/b/c@R r\n", 1, 1, .badPattern("a/b/c@R")),
      ("a b@R\n", 1, 1, .noRealm("a")), ("@R r\n", 1, 1, .badPattern("@R")),
      ("/b@R r\n", 1, 1, .badPattern("/b@R")), ("a/@R r\n", 1, 1, .badPattern("a/@R")),
      ("é@R r\n", 1, 1, .badPattern("é@R")), ("a!@R r\n", 1, 1, .badPattern("a!@R")),
      ("  al*@R r\n", 1, 3, .partialWildcard("al*")), ("a@R* r\n", 1, 1, .partialWildcard("R*")),
      ("a/b*@R r\n", 1, 1, .partialWildcard("b*")), ("a@R rx\n", 1, 6, .unknownOperation("x")),
      ("a@R R\n", 1, 5, .unknownOperation("R")), ("a@R rwr\n", 1, 7, .repeatedOperation("r")),
      ("a@R r*\n", 1, 6, .mixedOperations("r*")), ("a@R -r\n", 1, 5, .mixedOperations("-r")),
      ("a@R rs p\n", 1, 5, .prefixOfCluster("s")), ("a@R rwdsa p\nb", 2, 1, .cutOff),
      ("a@R r p*\n", 1, 8, .wildcardInPrefix), ("a@R r **\n", 1, 7, .wildcardInPrefix),
      ("a@R r p\\q\n", 1, 8, .badEscape), ("a@R r \\\n", 1, 7, .badEscape),
      ("a@R r \\x1\n", 1, 7, .badEscape), ("a@R r \\x+1\n", 1, 7, .badEscape),
      ("a@R r \\xg0\n", 1, 7, .badEscape), ("a@R r a\u{1}\n", 1, 8, .controlCharacter(1)),
      ("a@R r\r#\n", 1, 6, .controlCharacter(13)), ("\u{7f}a@R r\n", 1, 1, .controlCharacter(0x7f)),
    ] as [(String, Int, Int, AccessListError.Problem)])
  func bad(text: String, line: Int, column: Int, problem: AccessListError.Problem) {
    let error = #expect(throws: AccessListError.self) { try Self.list(text) }
    #expect(error == AccessListError(line: line, column: column, problem: problem))
    #expect(error?.description.hasPrefix("line \(line), column \(column): ") == true)
    #expect(!problem.sentence.isEmpty && !problem.remedy.isEmpty)
  }

  @Test("a line may have a limit of requests, behind its prefix; each mistake in it is told where it stands")
  func requests() throws {
    let list = try Self.list("a@R r p requests=5\nb@R rw * requests=1000000000 # much\nc@R r\n")
    #expect(list.lines.map(\.limits.requests) == [5, 1_000_000_000, nil])
    #expect(list.lines.map(\.description) == ["a@R r p requests=5", "b@R rw * requests=1000000000", "c@R r"])
    for line in list.lines { #expect(try Self.list("\(line)\n").lines[0].limits == line.limits) }
    let mistakes: [(String, Int, AccessListError.Problem)] = [
      ("a@R r p q", 9, .tooManyWords("q")), ("a@R r p speed=5", 9, .unknownLimit("speed=5")),
      ("a@R r p requests=", 18, .badLimit("requests=", 1...1_000_000_000)),
      ("a@R r p requests=0", 18, .badLimit("requests=0", 1...1_000_000_000)),
      ("a@R r p requests=-1", 18, .badLimit("requests=-1", 1...1_000_000_000)),
      ("a@R r p requests=1000000001", 18, .badLimit("requests=1000000001", 1...1_000_000_000)),
      (
        "a@R r p requests=99999999999999999999", 18,
        .badLimit("requests=99999999999999999999", 1...1_000_000_000)
      ),
      ("a@R r p requests=1 requests=2", 20, .repeatedLimit("requests=2")),
    ]
    for (text, column, problem) in mistakes {
      let error = #expect(throws: AccessListError.self) { try Self.list(text + "\n") }
      #expect(error == AccessListError(line: 1, column: column, problem: problem))
      #expect(!problem.sentence.isEmpty && !problem.remedy.isEmpty)
    }
  }

  @Test("a limit that stands where the prefix does is a mistake; keys that begin so can still be meant")
  func limitWithoutPrefix() throws {
    let error = #expect(throws: AccessListError.self) { try Self.list("a@R r requests=5\n") }
    #expect(error == AccessListError(line: 1, column: 7, problem: .limitForPrefix("requests=5")))
    let line = try Self.list("a@R r \\x72equests=5\n").lines[0]
    #expect(line.prefix == [UInt8]("requests=5".utf8) && line.limits.isEmpty)
    #expect(try Self.list("\(line)\n").lines[0].prefix == line.prefix, "as it is written again")
    #expect(try Self.list("a@R r request\n").lines[0].prefix == [UInt8]("request".utf8))
  }

  @Test(
    "a line may limit the keys and bytes under its prefix, in any order; each prefix is counted once, up to so many"
  )
  func quotas() throws {
    let list = try Self.list(
      "a@R rw p/ bytes=7 keys=5\nb@R rw p/ keys=6\nc@R rw * bytes=1125899906842624\nd@R rw q/\n")
    #expect(list.lines.map(\.description).first == "a@R rw p/ keys=5 bytes=7")
    for line in list.lines { #expect(try Self.list("\(line)\n").lines[0].limits == line.limits) }
    #expect(list.countedPrefixes == [[UInt8]("p/".utf8), []])
    func quota(_ principal: String, _ key: String) throws -> Quota? {
      let rights = list.rights(of: Self.principal(principal))
      return [UInt8](key.utf8).withUnsafeBytes { rights.quota(on: $0) }
    }
    #expect(try quota("a@R", "p/1") == Quota(place: 0, keys: 5, bytes: 7))
    #expect(try quota("b@R", "p/1") == Quota(place: 0, keys: 6, bytes: nil))
    #expect(try quota("c@R", "x") == Quota(place: 1, keys: nil, bytes: 1 << 50))
    #expect(try quota("d@R", "q/1") == nil)
    func lines(_ count: Int) -> String { (1...count).map { "a@R w \($0)/ keys=1\n" }.joined() }
    #expect(try Self.list(lines(32)).countedPrefixes.count == 32)
    let error = #expect(throws: AccessListError.self) { try Self.list(lines(33)) }
    #expect(error == AccessListError(line: 33, column: 1, problem: .tooManyCountedPrefixes))
    for word in ["keys=1", "bytes=1"] {
      #expect(throws: AccessListError(line: 1, column: 7, problem: .limitForPrefix(word))) {
        try Self.list("a@R w \(word)\n")
      }
    }
    let escaped = try Self.list("a@R w \\x6beys=1\n").lines[0]
    #expect(escaped.prefix == [UInt8]("keys=1".utf8) && "\(escaped)" == "a@R w \\x6beys=1")
  }

  @Test("the limit on a key is that of the line that decides about it")
  func limits() throws {
    let list = try Self.list("a@R r p/ requests=5\na@R r q/\n*@R r * requests=7\n")
    let rights = list.rights(of: Self.principal("a@R"))
    func limit(_ key: String) -> RequestLimit? { [UInt8](key.utf8).withUnsafeBytes { rights.limit(on: $0) } }
    #expect(limit("p/1") == RequestLimit(line: 1, perSecond: 5))
    #expect(limit("q/1") == nil)
    #expect(limit("x") == RequestLimit(line: 3, perSecond: 7))
  }

  @Test("what is too long is refused: the list, its lines, a prefix, and the lines for one pattern")
  func lengths() throws {
    let prefix = String(repeating: "k", count: AccessList.maximumPrefixLength)
    #expect(try Self.list("a@R r \(prefix)\n").lines[0].prefix.count == AccessList.maximumPrefixLength)
    #expect(throws: AccessListError(line: 1, column: 7 + prefix.utf8.count, problem: .prefixTooLong)) {
      try Self.list("a@R r \(prefix)k\n")
    }
    let filling = String(repeating: "\n", count: AccessList.maximumLines - 1)
    #expect(try Self.list(filling + "a@R r\n").lines.count == 1)
    #expect(throws: AccessListError(line: AccessList.maximumLines + 1, column: 1, problem: .tooManyLines)) {
      try Self.list(filling + "a@R r\n\n")
    }
    let long = "#" + String(repeating: " ", count: AccessList.maximumLength)
    #expect(throws: AccessListError(line: 1, column: 1, problem: .tooLong)) { try Self.list(long) }
    let many = String(repeating: "a@R r p\n", count: AccessList.maximumLinesOfOnePattern)
    #expect(try Self.list(many + "b@R r\n").lines.count == AccessList.maximumLinesOfOnePattern + 1)
    #expect(throws: AccessListError.self) { try Self.list(many + "b@R r\na@R r\n") }
  }

  @Test(
    "* stands for a whole component and no more",
    arguments: [
      ("alice@R", ["alice@R"]), ("*@R", ["alice@R", "bob@R"]), ("batch/*@R", ["batch/a@R", "batch/b@R"]),
      ("*/a@R", ["batch/a@R"]), ("*/*@R", ["batch/a@R", "batch/b@R"]),
      ("*@*", ["alice@R", "bob@R", "bob@S"]),
      ("bob@*", ["bob@R", "bob@S"]), ("*/*@*", ["batch/a@R", "batch/b@R", "batch/a@S"]), ("batch@R", []),
    ])
  func patterns(pattern: String, fitting: [String]) throws {
    let all = ["alice@R", "bob@R", "bob@S", "batch/a@R", "batch/b@R", "batch/a@S"]
    let list = try Self.list("\(pattern) *\n")
    #expect(all.filter { Self.permits(list, $0, .get, "k") } == fitting)
  }

  @Test("the first line that fits decides, also when it denies; what no line fits is denied")
  func firstWins() throws {
    let list = try Self.list(
      """
      mallory@R - mail/
      *@R       - secret/
      bob@R     r secret/
      bob@R     r bob/
      bob@R     rwd bob/
      bob@R     rwd
      mallory@R *

      """)
    #expect(!Self.permits(list, "bob@R", .get, "secret/1"))
    #expect(Self.permits(list, "bob@R", .get, "secret"), "a key that is shorter than the prefix")
    #expect(Self.permits(list, "bob@R", .get, "bob/1"))
    #expect(!Self.permits(list, "bob@R", .put, "bob/1"))
    #expect(Self.permits(list, "bob@R", .put, "bob"))
    #expect(!Self.permits(list, "bob@R", .status, ""))
    #expect(!Self.permits(list, "mallory@R", .get, "mail/1") && Self.permits(list, "mallory@R", .get, "mail"))
    #expect(!Self.permits(list, "mallory@R", .delete, "secret/x"))
    #expect(
      Self.permits(list, "mallory@R", .administer, ""), "lines with a prefix say nothing of the cluster")
    for operation in AccessOperations.named.map(\.operation) {
      #expect(!Self.permits(list, "carol@R", operation, "k") || operation == .get)
      #expect(!Self.permits(list, "bob@S", operation, "bob/1"))
    }
    #expect(!AccessRights.none.permits(.status))
    #expect([UInt8]().withUnsafeBytes { !AccessRights.none.permits(.get, on: $0) })
  }

  // MARK: Lists drawn at random

  private static let names = ["a", "b", "*"]
  private static let alphabet = [UInt8]("ab #\\*/{\n\r\t\u{0}".utf8) + [0xff]

  private static func bytes(_ count: ClosedRange<Int>, _ random: inout SeededGenerator) -> [UInt8] {
    (0..<Int.random(in: count, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
  }

  /// A line as it could be meant: pattern components, operations, prefix.
  private struct Meant {
    let components: [String]
    let realm: String
    let operations: AccessOperations
    let prefix: [UInt8]

    init(_ random: inout SeededGenerator) {
      components = (0..<Int.random(in: 1...2, using: &random)).map { _ in names.randomElement(using: &random)!
      }
      realm = ["R", "S", "*"].randomElement(using: &random)!
      prefix = Bool.random(using: &random) ? [] : bytes(1...3, &random)
      var operations = AccessOperations(rawValue: .random(in: 0...31, using: &random))
      if !prefix.isEmpty, operations != .all { operations.formIntersection(.onKeys) }
      self.operations = operations
    }

    var text: String {
      "\(components.joined(separator: "/"))@\(realm)  \(operations) \(prefix.isEmpty ? "*" : AccessListParser.escaped(prefix))\n"
    }

    func decides(_ operation: AccessOperations, _ key: [UInt8], _ principal: Principal) -> Bool {
      let own = [principal.primary] + (principal.instance.map { [$0] } ?? [])
      guard own.count == components.count, realm == "*" || realm == principal.realm,
        zip(own, components).allSatisfy({ $1 == "*" || $0 == $1 })
      else { return false }
      if operation == .status || operation == .administer { return prefix.isEmpty }
      return key.count >= prefix.count && Array(key[..<prefix.count]) == prefix
    }
  }

  @Test(
    "a prefix of any length is compared to its first and last byte, and with no more than it has",
    arguments: 1...20)
  func everyByte(length: Int) throws {
    let prefix = (0..<length).map { UInt8(0x41 + $0) }
    let list = try Self.list("a@R r \(String(decoding: prefix, as: UTF8.self))\n")
    let rights = list.rights(of: Self.principal("a@R"))
    func permits(_ key: [UInt8]) -> Bool { key.withUnsafeBytes { rights.permits(.get, on: $0) } }
    #expect(permits(prefix) && permits(prefix + [0]) && permits(prefix + [0xff, 1, 2, 3, 4, 5, 6, 7, 8]))
    #expect(!permits(Array(prefix.dropLast())) && !permits(Array(prefix.dropFirst()) + [0]))
    for place in 0..<length {
      var other = prefix
      other[place] ^= 0x80
      #expect(!permits(other) && !permits(other + prefix))
    }
  }

  @Test("whatever the list, it decides as its lines say, and a line that is written out reads back the same")
  func model() throws {
    let seed = SeededGenerator.printedSeed("access lists")
    var random = SeededGenerator(seed: seed)
    let principals = ["a@R", "b@R", "a@S", "c@R", "a/b@R", "b/a@S", "c/c@R"].map(Self.principal)
    for _ in 0..<300 {
      let meant = (0..<Int.random(in: 1...8, using: &random)).map { _ in Meant(&random) }
      let list = try AccessList(parsing: [UInt8](meant.map(\.text).joined().utf8))
      #expect(list.lines.map(\.prefix) == meant.map(\.prefix), "seed \(seed)")
      let again = try Self.list(list.lines.map { "\($0)\n" }.joined())
      #expect(again == list, "seed \(seed)")
      for principal in principals {
        let rights = list.rights(of: principal)
        for _ in 0..<10 {
          let key = Self.bytes(0...4, &random)
          for operation in AccessOperations.named.map(\.operation) {
            let first = meant.first { $0.decides(operation, key, principal) }
            let isPermitted = key.withUnsafeBytes {
              AccessOperations.onCluster.contains(operation)
                ? rights.permits(operation) : rights.permits(operation, on: $0)
            }
            #expect(isPermitted == (first?.operations.contains(operation) ?? false), "seed \(seed)")
          }
        }
      }
    }
  }

  @Test("no bytes trap the parser; what it refuses it refuses somewhere in the text")
  func fuzz() throws {
    let seed = SeededGenerator.printedSeed("bytes as access lists")
    var random = SeededGenerator(seed: seed)
    let good = [UInt8]("alice@R *\nbob@R r pub\\x2f\\s\n*/*@* - secret/ # why\n".utf8)
    for round in 0..<4_000 {
      var text = round.isMultiple(of: 2) ? good : []
      if text.isEmpty {
        text = (0..<Int.random(in: 0...80, using: &random)).map { _ in
          Bool.random(using: &random)
            ? .random(in: 0...255, using: &random)
            : [UInt8]("ab@/*-rwdsa\\x0 #\n\n ".utf8).randomElement(using: &random) ?? 0
        }
      } else {
        for _ in 0...Int.random(in: 0...3, using: &random) {
          let position = Int.random(in: 0..<text.count, using: &random)
          if Bool.random(using: &random) {
            text[position] = .random(in: 0...255, using: &random)
          } else {
            text.remove(at: position)
          }
        }
      }
      do throws(AccessListError) {
        let list = try AccessList(parsing: text)
        #expect(!list.lines.isEmpty, "seed \(seed)")
      } catch {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        #expect((1...max(1, lines.count)).contains(error.line), "seed \(seed)")
        let length = lines.indices.contains(error.line - 1) ? lines[error.line - 1].count : 0
        #expect((1...length + 1).contains(error.column), "seed \(seed): \(error)")
        #expect(!error.description.isEmpty)
      }
    }
  }
}
