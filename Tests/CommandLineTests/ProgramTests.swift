import Foundation
import Testing

@Suite("The keyval program", .serialized)
struct ProgramTests {
  private let program: Program

  init() throws { program = try Program() }

  @Test(
    "wrong usage is status 64 and says so on standard error only",
    arguments: [
      ["frobnicate"], ["get"], ["get", "a", "b"], ["put", "a"], ["get", ""], ["status", "--xml"],
      ["hello", "nowhere"],
      ["cluster"], ["cluster", "start"], ["demo", "--drones", "0"], ["drone"], ["enroll", "new", "alice"],
      ["node", "remove"], ["node", "remove", "keyval-authority/a1"], ["node", "remove", "a/b/c"],
      ["put", String(repeating: "k", count: 1025), "v"], ["bench", "--mix", "ycsb-e"],
      ["bench", "--connections", "0"], ["bench", "--seconds", "1", "--requests", "1"],
      ["bench", "--key-bytes", "2"], ["bench", "--rate", "0"], ["bench", "--value-bytes", "1048576"],
    ])
  func usage(arguments: [String]) async throws {
    defer { program.remove() }
    let script = "keyval " + arguments.map { "'\($0)'" }.joined(separator: " ")
    let outcome = try await program.shell(script)
    // `cluster` alone shows its help, as every group of commands does.
    #expect(outcome.status == (arguments == ["cluster"] ? 0 : 64))
    #expect(outcome.output.isEmpty == (arguments != ["cluster"]))
    #expect(outcome.remarks.isEmpty == (arguments == ["cluster"]))
  }

  @Test("without a configuration, and with a wrong one, the sentence names the file")
  func configuration() async throws {
    defer { program.remove() }
    let none = try await program.run("get", "a")
    #expect(none.status == 78)
    #expect(none.remarks.contains("\(program.directory)/.config/keyval/client.json"))
    let path = "\(program.directory)/client.json"
    try Data("{\"cluster\": 1}".utf8).write(to: URL(filePath: path))
    let wrong = try await program.run("get", "a", environment: ["KEYVAL_CONFIG": path])
    #expect(wrong.status == 78)
    #expect(wrong.remarks.contains(path))
    #expect(none.output.isEmpty && wrong.output.isEmpty)
  }

  @Test(
    "nobody at an address, a node's missing file, a directory without a cluster: each its status and sentence"
  )
  func unavailable() async throws {
    defer { program.remove() }
    #expect(try await program.run("hello", "127.0.0.1:1").status == 69)
    let node = try await program.run("drone", "--config", "none.json")
    #expect(node.status == 66 && node.remarks.contains("none.json"))
    let stop = try await program.run("cluster", "stop", "--directory", ".")
    #expect(stop.status == 64 && stop.remarks.contains("there is no cluster in"))
  }

  @Test("an access list is checked and explained before the authority sees it")
  func access() async throws {
    defer { program.remove() }
    let path = "\(program.directory)/access.acl"
    try Data("# who\nbob@R r public/\n*@R - secret/\nbob@R rs\n".utf8).write(to: URL(filePath: path))
    let good = try await program.run("access", "check", path)
    #expect(good.status == 0 && good.text == "3 lines\n")
    let key = try await program.run("access", "explain", path, "bob@R", "public/a")
    #expect(key.status == 0)
    #expect(key.text.contains("get: permitted, line 2: bob@R r public/\nput: denied, line 2: "))
    #expect(key.text.contains("status: permitted, line 4: bob@R rs\n"))
    let all = try await program.run("access", "explain", path, "bob@R")
    #expect(all.text == "line 2: bob@R r public/\nline 3: *@R - secret/\nline 4: bob@R rs\n")
    let nobody = try await program.run("access", "explain", path, "eve@S")
    #expect(nobody.text == "no line fits eve@S: everything is denied\n")
    try Data("bob@R r public/\nbob r\n".utf8).write(to: URL(filePath: path))
    let bad = try await program.run("access", "check", path)
    #expect(bad.status == 65 && bad.output.isEmpty)
    #expect(bad.remarks.contains("\(path): line 2, column 1: ‘bob’ names no realm"))
    #expect(try await program.run("access", "check", "none.acl").status == 66)
    #expect(try await program.run("access", "explain", path, "bob").status == 64)
  }

  @Test(
    "the demo prints the results of piped commands, nothing else, and leaves nothing behind",
    .timeLimit(.minutes(2)))
  func demo() async throws {
    defer { program.remove() }
    let input = Data("put greeting hello\nget greeting\nstatus\n".utf8)
    let outcome = try await program.run("demo", input: input)
    #expect(outcome.status == 0, "\(outcome.remarks)")
    #expect(outcome.text.hasPrefix("hello\ncluster "))
    // On a machine that is busy enough there may have been a second election.
    #expect(outcome.text.contains(/\nterm       [0-9]\n/))
    #expect(outcome.text.contains("16384 of 16384 served"))
    #expect(outcome.text.components(separatedBy: "  drone ").count == 4)
    #expect(try program.survivors().isEmpty)
    #expect(program.leftovers.isEmpty)
  }

  @Test(
    "the demo ends with the status of the command that failed, after running the others",
    .timeLimit(.minutes(2)))
  func demoFails() async throws {
    defer { program.remove() }
    let outcome = try await program.run(
      "demo", "--drones", "1", input: Data("get nothing\nput a \"\\x00b\"\nget a".utf8))
    #expect(outcome.status == 1)
    #expect(outcome.output == Data([0, 0x62, 0x0A]))
    #expect(outcome.remarks.contains("line 1: not found"))
    #expect(try program.survivors().isEmpty)
    #expect(program.leftovers.isEmpty)
  }

  @Test(
    "a signal takes the demo down wherever it is, and nothing is left", .timeLimit(.minutes(2)),
    arguments: [
      ("ok    realm", SIGTERM), ("ok    krb5kdc", SIGINT), ("ok    authority", SIGTERM),
      ("you are alice", SIGINT),
      ("you are alice", SIGTERM), ("you are alice", SIGHUP),
    ])
  func signals(said: String, signal: Int32) async throws {
    defer { program.remove() }
    let demo = try program.start("demo", "--drones", "2")
    try await demo.remarks(say: said)
    demo.send(signal: signal)
    let outcome = try await demo.end()
    #expect(outcome.status == 128 + signal)
    #expect(outcome.output.isEmpty)
    #expect(try program.survivors().isEmpty)
    #expect(program.leftovers.isEmpty)
  }

  @Test("a cluster is started, used by plain kinit, klist and keyval, and stopped", .timeLimit(.minutes(2)))
  func cluster() async throws {
    defer { program.remove() }
    let started = try await program.run("cluster", "start", "--directory", "it's here", "--drones", "1")
    // A realm's directory stands where nothing can be quoted.
    #expect(started.status == 64 && started.remarks.contains("cannot hold a realm"))
    let again = try await program.run("cluster", "start", "--directory", "c", "--drones", "1")
    #expect(again.status == 0, "\(again.remarks)")
    #expect(again.output.isEmpty)
    let outcome = try await program.shell(
      #"""
      eval "$(keyval cluster env --directory c)" && klist -s || exit 3
      printf 'a\000b\377\n' | keyval put bin - && keyval get bin
      keyval put balance -5 && keyval get balance; echo " $?"
      keyval get nothing; echo "missing $?"
      kdestroy && keyval get bin; echo "no ticket $?"
      kinit alice < c/alice.password > /dev/null && keyval get balance; echo " $?"
      keyval cluster status --directory c > /dev/null; echo "status $?"
      keyval node list | sed 's/127[^ ]* *//'; echo "list $?"
      keyval node remove d1; echo "last $?"; keyval node remove d9 --dead; echo "unknown $?"
      keyval enroll new keyval-drone/d9@OTHER.REALM; echo "foreign $?"
      keyval enroll new keyval-drone/d9@OTHER.REALM --realm-directory c/realm; echo "foreign $?"
      keyval enroll confirm keyval-database/db1@OTHER.REALM --realm-directory c/realm; echo "foreign $?"
      keyval node remove keyval-drone/d1@OTHER.REALM; echo "foreign $?"
      keyval node list --authority keyval-authority/a1@OTHER.REALM; echo "foreign $?"
      keyval enroll new keyval-drone/d9@KEYVAL.TEST > /dev/null; echo "own $?"
      """#)
    let nodes = """
      NODE                 ADDRESS          STATE
      keyval-database/db1  member
      keyval-drone/d1      member

      membership 2

      """
    let expected =
      Data("a\0b".utf8) + [0xFF] + Data("\n-5 0\nmissing 1\nno ticket 2\n-5 0\nstatus 0\n".utf8)
      + Data(
        "\(nodes)list 0\nlast 69\nunknown 69\n\(String(repeating: "foreign 64\n", count: 5))own 0\n".utf8)
    #expect(outcome.output == expected, "\(outcome.text) \(outcome.remarks)")
    #expect(outcome.remarks.contains("not found\n"))
    #expect(outcome.remarks.contains("@KEYVAL.TEST"))
    #expect(outcome.remarks.contains("is the last drone of this cluster. Nothing was changed."))
    #expect(outcome.remarks.contains("keyval-drone/d9@KEYVAL.TEST is no member of this cluster"))
    #expect(outcome.remarks.contains("‘keyval-drone/d9@OTHER.REALM’ is of another realm than this cluster"))
    #expect(
      outcome.remarks.contains("‘keyval-authority/a1@OTHER.REALM’ is no authority of the realm KEYVAL.TEST"))
    #expect(try await program.run("cluster", "stop", "--directory", "c").status == 0)
    #expect(try program.survivors().isEmpty)
    #expect(try await program.run("cluster", "status", "--directory", "c").status == 69)
  }
}
