import Cluster
import Foundation
import Testing

@testable import Storage

@Suite("A process that dies")
struct CrashTests {
  /// `StoreAppender` appends and folds for ever, and prints each sequence number once it is stored.
  @Test("what was acknowledged before a kill is there afterwards, without a gap, and the lock is gone")
  func killed() throws {
    let fixture = try StoreFixture()
    var acknowledged: UInt64 = 0
    for _ in 0..<3 {
      let process = Process()
      process.executableURL = try executable("StoreAppender")
      process.arguments = [fixture.directory]
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      acknowledged = try lines(of: pipe.fileHandleForReading, count: 40).last ?? 0
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      acknowledged = max(acknowledged, try rest(of: pipe.fileHandleForReading))
    }
    let store = try fixture.store()
    let contents = try store.everything(opening([partition(1)]))
    let sequence = try #require(contents.tails.first?.sequence)
    #expect(sequence >= acknowledged)
    #expect(acknowledged >= 120)
    #expect(try store.entries(opening([partition(1)])).map(\.version.sequence) == Array(1...sequence))
    try store.foldAll()
    #expect(try store.everything(opening([partition(1)])).chunks.flatMap { $0 }.count == Int(sequence))
  }

  /// Beside the test's own executable, where SwiftPM puts all products.
  func executable(_ name: String) throws -> URL {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var folders = [URL(fileURLWithPath: own).deletingLastPathComponent()]
    folders += CommandLine.arguments.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
    let candidates = folders.map { $0.appendingPathComponent(name) }
    return try #require(candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) })
  }

  func lines(of handle: FileHandle, count: Int) throws -> [UInt64] {
    var text = ""
    while text.filter(\.isNewline).count < count {
      let data = handle.availableData
      try #require(!data.isEmpty, "the helper has ended early")
      text += String(decoding: data, as: UTF8.self)
    }
    return numbers(text)
  }

  func rest(of handle: FileHandle) throws -> UInt64 {
    numbers(String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)).max() ?? 0
  }

  /// Of whole lines only: the last may have been cut.
  func numbers(_ text: String) -> [UInt64] {
    text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().compactMap { UInt64($0) }
  }
}
