import Foundation
import Testing

@testable import keyval

@Suite("The shell's conveniences")
struct ShellTests {
  @Test(
    "history keeps no value, no line that begins with a blank and none that is no command",
    arguments: [
      ("get a", "get a"), ("put token s3cret", "put token"), (#"put "a\x00b" v"#, nil), (" get a", nil),
      ("put token 'half", nil), ("frob s3cret", nil), ("put -- s3cret more", nil),
    ] as [(String, String?)])
  func keptHistory(line: String, kept: String?) {
    #expect(HistoryFile.kept(Array(line.utf8)).map { String(decoding: $0, as: UTF8.self) } == kept)
  }

  @Test("the history file is for its owner only and comes back in order")
  func historyFile() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "keyval-history-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let history = try #require(HistoryFile(environment: ["XDG_STATE_HOME": directory]))
    #expect(try history.load().isEmpty)
    for number in 0..<(HistoryFile.maximumLines + 10) { try history.append(Array("get k\(number)".utf8)) }
    try history.append(Array(" get hidden".utf8))
    let lines = try history.load().map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.count == HistoryFile.maximumLines)
    #expect(lines.first == "get k10")
    #expect(lines.last == "get k\(HistoryFile.maximumLines + 9)")
    let mode = try FileManager.default.attributesOfItem(atPath: history.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let parent = (history.path as NSString).deletingLastPathComponent
    #expect(try FileManager.default.attributesOfItem(atPath: parent)[.posixPermissions] as? Int == 0o700)
  }

  @Test("the history stands in the user's state directory")
  func historyPath() {
    #expect(HistoryFile(environment: ["HOME": "/h"])?.path == "/h/.local/state/keyval/history")
    #expect(HistoryFile(environment: ["HOME": "/h", "XDG_STATE_HOME": "/s"])?.path == "/s/keyval/history")
    #expect(
      HistoryFile(environment: ["HOME": "/h", "XDG_STATE_HOME": "s"])?.path
        == "/h/.local/state/keyval/history")
    #expect(HistoryFile(environment: [:]) == nil)
  }

  @Test("the tab key offers commands, and nothing where a key or a value stands")
  func completion() {
    #expect(Completion.candidates(before: "", word: "") == Verb.allCases.map(\.rawValue))
    #expect(Completion.candidates(before: "", word: "he") == ["hello", "help"])
    #expect(Completion.commonPrefix(["hello", "help"]) == "hel")
    #expect(Completion.candidates(before: "help ", word: "l") == ["locate"])
    #expect(Completion.candidates(before: "status ", word: "-") == ["--json"])
    #expect(Completion.candidates(before: "put ", word: "g").isEmpty)
  }

  @Test("arguments that are no UTF-8 stay the bytes that they are")
  func rawArguments() {
    let raw = RawArguments([Array("put".utf8), [0xFF, 0x00], Array("é".utf8)])
    #expect(raw.texts[0] == "put")
    #expect(raw.texts.map(raw.bytes(of:)) == [Array("put".utf8), [0xFF, 0x00], Array("é".utf8)])
  }

  @Test("keys and values may begin with a dash")
  func dashes() {
    #expect(KeyvalCommand.protectingDashes(["put", "k", "-5"]) == ["put", "--", "k", "-5"])
    #expect(KeyvalCommand.protectingDashes(["put", "--", "-k", "v"]) == ["put", "--", "-k", "v"])
    #expect(KeyvalCommand.protectingDashes(["get", "--help"]) == ["get", "--help"])
    #expect(KeyvalCommand.protectingDashes(["status", "--json"]) == ["status", "--json"])
  }
}

@Suite("Signals", .serialized) struct SignalTests {
  @Test("the first signal ends the waiting, and whoever asks later learns of it", .timeLimit(.minutes(1)))
  func race() async {
    let signals = SignalWatch([SIGUSR1])
    let outcome = await signals.race { () async -> Int in
      kill(getpid(), SIGUSR1)
      // Never done in the life of a test, like a read of the terminal.
      try? await Task.sleep(for: .seconds(100_000))
      return 1
    }
    #expect(signals.received == SIGUSR1)
    guard case .signal(SIGUSR1) = outcome else {
      Issue.record("the signal came first")
      return
    }
  }

  @Test("a second signal is told apart from the first, to whoever listens by then or later")
  func second() async {
    let signals = SignalWatch([SIGUSR1, SIGUSR2])
    let first = AsyncStream.makeStream(of: Void.self)
    let second = AsyncStream.makeStream(of: Void.self)
    signals.onSignal { _ in first.continuation.finish() }
    signals.onSecondSignal { second.continuation.finish() }
    kill(getpid(), SIGUSR1)
    for await _ in first.stream {}
    #expect(!signals.isHurried)
    kill(getpid(), SIGUSR2)
    for await _ in second.stream {}
    #expect(signals.isHurried && signals.received == SIGUSR1)
    let later = AsyncStream.makeStream(of: Void.self)
    signals.onSecondSignal { later.continuation.finish() }
    for await _ in later.stream {}
  }

  @Test("work that is done first is the outcome")
  func done() async {
    guard case .done(7) = await SignalWatch([SIGUSR2]).race({ 7 }) else {
      Issue.record("the work was done")
      return
    }
  }
}
