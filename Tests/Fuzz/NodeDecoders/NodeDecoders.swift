import Cluster
import Drone
import FuzzHarness
import Journal
import Node

enum NodeDecoders {
  static let all: [Decoder] = [
    Decoder(
      name: "configuration", about: "the file of a node", allowance: .init(base: 2 << 20, perByte: 4_096),
      seeds: { ConfigurationPlace.seeds() }, read: { configuration($0) }),
    Decoder(
      name: "promise", about: "a drone's promise, in its file", maximumLength: 512,
      seeds: {
        let promise = VotePromise(term: Term(300), candidate: try Principal("keyval-drone/d1@R")).encoded()
        // The last as one was written when promises had a third item.
        return [VotePromise.none.encoded(), promise, [0x83] + promise.dropFirst() + [0xf6]]
      },
      read: { input in
        let promise = try input.decode { try VotePromise.decode(input.bytes) }
        require(try VotePromise.decode(promise.encoded()) == promise, "another promise when it is read again")
        return true
      }),
    Decoder(
      name: "journal", about: "what a drone's earlier life has left in its file", maximumLength: 1 << 20,
      allowance: .init(base: 1 << 20, perByte: 512), mayRefuseSeeds: true,
      seeds: {
        [JournalPlace.written(turns: 0), JournalPlace.written(turns: 3), [UInt8](repeating: 0, count: 8192)]
      },
      read: { input in
        _ = try input.decode {
          try JournalReader.read(input.bytes, principal: JournalPlace.drone, boot: JournalPlace.boot)
        }
        return true
      }),
  ]

  private static func configuration(_ input: Input) -> Bool {
    ConfigurationPlace.write(input.bytes)
    var isTaken = false
    for role in [Role.drone, .database, .authority] {
      do throws(NodeError) {
        _ = try input.decode { () throws(NodeError) in
          // The strongest source names a keytab that is not there: files are looked at last, and with this nothing on disk is
          // touched, whatever the input names.
          try NodeConfiguration.load(
            role: role, file: ConfigurationPlace.file, overrides: ["keytab": ConfigurationPlace.nowhere],
            environment: ["KRB5_CONFIG": ConfigurationPlace.nowhere])
        }
        fatalError("a configuration without a keytab was taken")
      } catch {
        if case .configuration(_, "keytab", _, _) = error { isTaken = true }
        _ = error.description
      }
    }
    return isTaken
  }
}

/// A folder for one configuration file, gone with the process.
private enum ConfigurationPlace {
  static let nowhere = "/nonexistent/keyval"
  static var file: String { folder + "/node.json" }

  private static let folder = temporaryFolder(in: "/tmp")

  static func write(_ bytes: UnsafeRawBufferPointer) { replaceFile(file, with: bytes) }

  static func seeds() -> [[UInt8]] {
    let common = #""cluster": "demo", "realm": "KEYVAL.TEST", "listen": "127.0.0.1:0", "directory": "data", "#
    let drone =
      #""name": "d1", "anchors": "ca.pem", "membership": "m.pem", "keytab": "k", "advertise": "[::1]:1", "#
    let authority =
      #""authority": {"principal": "keyval-authority/a1@KEYVAL.TEST", "address": "h:1", "standby": "h:2"}"#
    let office = #""ca": {"certificate": "c", "key": "k"}, "membership-key": "k", "access": "a", "#
    let settings = #"""
      , "heartbeat": 250, "loops": 2, "shadows": 1, "acknowledgement": "durable", "patience": 5,
      "backlog": {"bytes": 65536, "milliseconds": 50}, "log": {"level": "debug"}, "sessions": {"total": 9,
      "per-principal": 1, "per-address": 2}, "audit": {"path": "a", "bytes": 65536, "files": 3}
      """#
    return [
      "{" + common + drone + authority + "}", "{" + common + drone + authority + settings + "}",
      "{" + common + drone + office + #""administrators": ["alice@KEYVAL.TEST"]}"#,
    ].map { Array($0.utf8) }
  }
}
