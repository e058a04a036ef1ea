import Cryptography
import Testing

@testable import Sessions

@Suite("The key schedule")
struct KeyScheduleTests {
  private let transcript = HandshakeTranscript(
    initiatorHello: [1, 2, 3], initiatorToken: [4], acceptorHello: [5, 6], acceptorToken: [])

  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  private func hex(_ secret: SecretBytes) -> String { secret.withUnsafeBytes { hex([UInt8]($0)) } }

  @Test("gives what an independent implementation gives")
  func vectors() throws {
    #expect(hex(transcript.hash) == Vectors.transcript)
    let schedule = KeySchedule(
      preSharedKey: SecretBytes(copying: [UInt8](0..<48)),
      sharedSecret: SecretBytes(copying: [UInt8](100..<132)), transcript: transcript)
    #expect(hex(schedule.initiatorFinishedKey) == Vectors.initiatorFinishedKey)
    #expect(hex(schedule.acceptorFinishedKey) == Vectors.acceptorFinishedKey)
    #expect(hex(schedule.initiatorTraffic.key(for: .aes256GCM)) == Vectors.initiatorKey)
    #expect(hex(schedule.acceptorTraffic.initializationVector(for: .aes256GCM)) == Vectors.acceptorIV)
    #expect(hex(schedule.acceptorTraffic.next().key(for: .aes256GCM)) == Vectors.nextAcceptorKey)
    let finished = transcript.finished(
      role: .acceptor, key: schedule.acceptorFinishedKey, initiator: "alice@R", acceptor: "keyval-drone/d1@R",
      cluster: "demo")
    #expect(hex(finished) == Vectors.acceptorFinished)
  }

  @Test("the Finished covers role, both names and the cluster")
  func finishedCovers() {
    let key = SecretBytes(copying: [UInt8](repeating: 1, count: 48))
    let all = [
      transcript.finished(role: .initiator, key: key, initiator: "a", acceptor: "b", cluster: "c"),
      transcript.finished(role: .acceptor, key: key, initiator: "a", acceptor: "b", cluster: "c"),
      transcript.finished(role: .initiator, key: key, initiator: "ab", acceptor: "", cluster: "c"),
      transcript.finished(role: .initiator, key: key, initiator: "a", acceptor: "bc", cluster: ""),
      transcript.finished(role: .initiator, key: key, initiator: "b", acceptor: "a", cluster: "c"),
      transcript.finished(role: .initiator, key: key, initiator: "a", acceptor: "b", cluster: "d"),
    ]
    #expect(Set(all).count == all.count)
  }

  @Test("the transcript knows where each part ends")
  func prefixes() {
    let moved = HandshakeTranscript(
      initiatorHello: [1, 2], initiatorToken: [3, 4], acceptorHello: [5, 6], acceptorToken: [])
    #expect(moved != transcript)
  }
}
