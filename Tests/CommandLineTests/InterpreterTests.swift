import Keyval
import Synchronization
import Testing

@testable import keyval

@Suite("The interpreter of commands")
struct InterpreterTests {
  @Test("a value comes back byte for byte, and in a shell a newline follows")
  func valuesComeBack() async {
    let value = (0...255).map { UInt8($0) }
    let plain = Scene(endsValuesWithNewline: false)
    #expect(await plain.run(.put(key: [107], value: value)) == .done)
    #expect(await plain.run(.get(key: [107])) == .done)
    #expect(plain.results == value)
    let shell = Scene(endsValuesWithNewline: true)
    _ = await shell.run(.put(key: [107], value: value))
    _ = await shell.run(.get(key: [107]))
    #expect(shell.results == value + [10])
  }

  @Test("a missing key is status 1 and a remark, with no result")
  func missingKey() async {
    let scene = Scene()
    #expect(await scene.run(.get(key: [107])) == .notFound)
    #expect(await scene.run(.delete(key: [107])) == .notFound)
    #expect(scene.results.isEmpty)
    #expect(scene.remarks == ["not found", "not found"])
  }

  @Test("a failure is a remark and its status, never a result")
  func failures() async {
    let scene = Scene()
    #expect(await scene.run(.hello(address: "nowhere")) == .unavailable)
    #expect(scene.results.isEmpty)
    #expect(scene.remarks == ["nobody answers at nowhere"])
  }

  @Test("status as JSON keeps its members in order and quotes what needs it")
  func statusAsJSON() async {
    let scene = Scene()
    #expect(await scene.run(.status(asJSON: true)) == .done)
    #expect(
      scene.text == """
        {"cluster": "a \\"b\\"", "realm": "R", "term": 1, "commander": "d2", "mapVersion": 7, \
        "slots": {"total": 16384, "served": 16384, "shadowed": 0, "moving": 0, "awaitingCopies": 0}, \
        "losses": [], "drones": [{"name": "d1", "address": "127.0.0.1:1", "state": "serving", "slots": 5461, \
        "shadowing": 0, \
        "millisecondsBehind": 0, "bytesBehind": 0, "memoryUsed": 12345678, \
        "memoryCeiling": 64000000000, "memoryFull": true}], "databases": [{"name": "db1", "address": "127.0.0.1:2", \
        "state": "reachable"}], "authority": null}

        """)
  }

  @Test("status for people is a table")
  func statusAsText() async {
    let scene = Scene()
    #expect(await scene.run(.status(asJSON: false)) == .done)
    #expect(scene.text.contains("commander  d2\n"))
    #expect(scene.text.contains("slots      16384 of 16384 served, 0 shadowed, map version 7\n"))
    #expect(
      scene.text.contains(
        "d1    drone     127.0.0.1:1  serving    5461   0        0 ms    12 MB of 64000 MB, full\n"))
  }

  @Test("a script runs every line, tells what failed by its line, and ends with the first failure's status")
  func script() async throws {
    let scene = Scene()
    let lines = [
      "put greeting hello", "", "# comment", "get greeting", "get nothing", "frob", "get greeting", "exit",
      "get x",
    ]
    #expect(try await scene.run(script: lines) == .notFound)
    #expect(scene.text == "hello\nhello\n")
    #expect(
      scene.remarks == [
        "line 5: not found", "line 6, column 1: there is no command ‘frob’; type help for the list",
      ])
    #expect(try await scene.run(script: ["get greeting"]) == .done)
    #expect(try await scene.run(script: []) == .done)
  }
}

/// A cluster of one dictionary, and an output that remembers.
private final class Scene: Sendable {
  private let recorder = Recorder()
  private let backend = DictionaryBackend()
  private let endsValuesWithNewline: Bool

  init(endsValuesWithNewline: Bool = true) { self.endsValuesWithNewline = endsValuesWithNewline }

  var results: [UInt8] { recorder.state.withLock { $0.results } }
  var text: String { String(decoding: results, as: UTF8.self) }
  var remarks: [String] { recorder.state.withLock { $0.remarks } }

  private var interpreter: Interpreter<Recorder> {
    Interpreter(backend: backend, output: recorder, endsValuesWithNewline: endsValuesWithNewline)
  }

  func run(_ command: Command) async -> CommandStatus { await interpreter.execute(command) }

  func run(script lines: [String]) async throws -> CommandStatus {
    let stream = AsyncThrowingStream<[UInt8], any Error> { continuation in
      for line in lines { continuation.yield(Array(line.utf8)) }
      continuation.finish()
    }
    return try await CommandScript(interpreter: interpreter).run(lines: stream)
  }
}

private final class Recorder: Output, Sendable {
  let state = Mutex<(results: [UInt8], remarks: [String])>(([], []))
  func write(result: [UInt8]) { state.withLock { $0.results += result } }
  func write(remark: String) { state.withLock { $0.remarks.append(remark) } }
}

private final class DictionaryBackend: Backend {
  private let values = Mutex<[[UInt8]: [UInt8]]>([:])

  func put(_ value: [UInt8], at key: [UInt8]) { values.withLock { $0[key] = value } }
  func get(_ key: [UInt8]) -> [UInt8]? { values.withLock { $0[key] } }
  func delete(_ key: [UInt8]) -> Bool? { values.withLock { $0.removeValue(forKey: key) != nil } }
  func locate(_ key: [UInt8]) -> LocationReport { LocationReport(slot: 1, owner: nil) }

  func administer(_ order: AdministratorOrder, _ name: String) async throws -> AdministratorReply {
    AdministratorReply(isAccepted: false, sentence: "a dictionary has no drones")
  }

  func status() -> StatusReport {
    StatusReport(
      cluster: "a \"b\"", realm: "R", term: 1, commander: "d2", mapVersion: 7, slotsTotal: 16384,
      slotsServed: 16384,
      drones: [
        .init(
          name: "d1", address: "127.0.0.1:1", state: "serving", slots: 5461, memory: 12_345_678,
          memoryCeiling: 64_000_000_000, isFull: true)
      ],
      databases: [.init(name: "db1", address: "127.0.0.1:2", state: "reachable")], authority: nil)
  }

  func hello(_ address: String) throws -> HelloReport { throw NobodyAnswers(address: address) }
}

private struct NobodyAnswers: Error, CustomStringConvertible {
  let address: String
  var description: String { "nobody answers at \(address)" }
}
