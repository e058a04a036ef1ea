import Cryptography
import Testing

@testable import Sessions

@Suite("Records")
struct RecordTests {
  /// Opens the one record that `bytes` are.
  @discardableResult
  private func open(
    _ bytes: [UInt8], _ opener: RecordOpener
  ) throws -> (type: RecordType, content: [UInt8]) {
    var bytes = bytes
    return try bytes.withUnsafeMutableBytes { buffer in
      let opened = try opener.open(buffer)
      return (opened.type, Array(opened.content))
    }
  }

  /// Splits what a sealer gave into its records.
  private func split(_ bytes: [UInt8]) -> [[UInt8]] {
    var rest = bytes[...]
    var records: [[UInt8]] = []
    while rest.count >= 4 {
      let length = 4 + rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      records.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return records
  }

  @Test("come back byte for byte, both ways, of any length", arguments: CipherSuite.allCases)
  func roundTrip(suite: CipherSuite) throws {
    let (initiator, acceptor) = try HandshakePair.sessions(suite: suite)
    for length in [0, 1, 15, 16, 17, 1000, 1 << 16] {
      let content = SecureRandom.bytes(length)
      for (from, to) in [(initiator, acceptor), (acceptor, initiator)] {
        let record = try from.sealer.seal(.messages, content)
        #expect(record.count == 4 + 1 + length + 16)
        let opened = try open(record, to.opener)
        #expect(opened.type == .messages)
        #expect(opened.content == content)
      }
    }
  }

  @Test("the largest message fits a record, and one byte more is refused without harm")
  func largest() throws {
    let (initiator, acceptor) = try HandshakePair.sessions()
    let limit = RecordLimits().contentBytes
    #expect(limit == (1 << 20) - 17)
    #expect(throws: SessionError.messageTooLarge(length: limit + 1, limit: limit)) {
      try initiator.sealer.seal(.messages, [UInt8](repeating: 0, count: limit + 1))
    }
    let content = [UInt8](repeating: 3, count: limit)
    let record = try initiator.sealer.seal(.messages, content)
    #expect(record.count == 4 + (1 << 20))
    #expect(try open(record, acceptor.opener).content == content)
  }

  @Test("a plaintext may be sealed where it lies")
  func inPlace() throws {
    let (initiator, acceptor) = try HandshakePair.sessions()
    let content = Array("in place".utf8)
    var buffer = [UInt8](repeating: 0, count: RecordSealer.room(forPlaintext: content.count + 1))
    let length = try buffer.withUnsafeMutableBytes { target in
      target[4] = RecordType.messages.rawValue
      target[5..<(5 + content.count)].copyBytes(from: content)
      let plaintext = UnsafeRawBufferPointer(rebasing: target[4..<(5 + content.count)])
      return try initiator.sealer.seal(plaintext: plaintext, into: target)
    }
    #expect(try open(Array(buffer.prefix(length)), acceptor.opener).content == content)
  }

  @Test("a bit changed at any byte ends the session, the length included")
  func altered() throws {
    let length = 4 + 1 + 5 + 16
    for index in 0..<length {
      let (initiator, acceptor) = try HandshakePair.sessions()
      let honest = try initiator.sealer.seal(.messages, [1, 2, 3, 4, 5])
      var record = honest
      record[index] ^= 1 << UInt8(index % 8)
      #expect(throws: SessionError.self) { try open(record, acceptor.opener) }
      // Nothing after it is read: not the next record, and not even what should have come.
      #expect(throws: SessionError.self) { try open(honest, acceptor.opener) }
      let next = try initiator.sealer.seal(.messages, [6])
      #expect(throws: SessionError.self) { try open(next, acceptor.opener) }
    }
  }

  @Test("a record that is left out, repeated, reordered or sent back does not open")
  func outOfOrder() throws {
    let (initiator, acceptor) = try HandshakePair.sessions()
    let first = try initiator.sealer.seal(.messages, [1])
    let second = try initiator.sealer.seal(.messages, [2])
    #expect(throws: SessionError.recordDidNotOpen) { try open(second, acceptor.opener) }

    let (again, receiver) = try HandshakePair.sessions()
    let record = try again.sealer.seal(.messages, [1])
    try open(record, receiver.opener)
    #expect(throws: SessionError.recordDidNotOpen) { try open(record, receiver.opener) }
    #expect(throws: SessionError.recordDidNotOpen) { try open(first, again.opener) }
  }

  @Test(
    "a length outside the limits is refused from its four bytes", arguments: [0, 16, (1 << 20) + 1, 1 << 31])
  func lengths(value: Int) throws {
    let (_, acceptor) = try HandshakePair.sessions()
    #expect(throws: SessionError.recordLengthRefused(value)) {
      try withUnsafeBytes(of: UInt32(value).bigEndian) { try acceptor.opener.recordLength(in: $0) }
    }
  }

  @Test("a length within the limits is told once its four bytes are there")
  func completeLength() throws {
    let (_, acceptor) = try HandshakePair.sessions()
    let bytes: [UInt8] = [0, 0, 1, 0]
    #expect(try bytes.withUnsafeBytes { try acceptor.opener.recordLength(in: $0) } == 260)
    #expect(try [UInt8](bytes.prefix(3)).withUnsafeBytes { try acceptor.opener.recordLength(in: $0) } == nil)
  }

  @Test("a type that nobody knows ends the session")
  func unknownType() throws {
    let (initiator, acceptor) = try HandshakePair.sessions()
    var buffer = [UInt8](repeating: 0, count: 64)
    let length = try buffer.withUnsafeMutableBytes { target in
      try [UInt8]([99, 1]).withUnsafeBytes { try initiator.sealer.seal(plaintext: $0, into: target) }
    }
    #expect(throws: SessionError.unknownRecordType(99)) {
      try open(Array(buffer.prefix(length)), acceptor.opener)
    }
  }

  private func smallLimits(records: UInt64 = 1 << 24, bytes: UInt64 = 1 << 38) -> RecordLimits {
    var limits = RecordLimits()
    limits.recordsPerKey = records
    limits.bytesPerKey = bytes
    limits.recordsBeforeKeyUpdate = 0
    return limits
  }

  @Test(
    "the sender changes its key under the old one when its records are used up",
    arguments: CipherSuite.allCases)
  func keyUpdateByRecords(suite: CipherSuite) throws {
    let (initiator, acceptor) = try HandshakePair.sessions(suite: suite, records: smallLimits(records: 4))
    var updates = 0
    for number in 0..<20 {
      let records = split(try initiator.sealer.seal(.messages, [UInt8(number)]))
      #expect(try open(records[0], acceptor.opener).content == [UInt8(number)])
      if records.count == 2 {
        #expect(try open(records[1], acceptor.opener).type == .keyUpdate)
        updates += 1
      }
    }
    // Three messages and the announcement under each key.
    #expect(updates == 6)
  }

  @Test("the sender changes its key when its bytes are used up")
  func keyUpdateByBytes() throws {
    let (initiator, acceptor) = try HandshakePair.sessions(records: smallLimits(bytes: 100))
    var kinds: [RecordType] = []
    for _ in 0..<6 {
      for record in split(try initiator.sealer.seal(.messages, [UInt8](repeating: 0, count: 40))) {
        kinds.append(try open(record, acceptor.opener).type)
      }
    }
    #expect(
      kinds == [
        .messages, .messages, .messages, .keyUpdate, .messages, .messages, .messages, .keyUpdate,
      ])
  }

  @Test("a peer that changes its key too often is cut off")
  func keyUpdateTooSoon() throws {
    var limits = smallLimits(records: 4)
    limits.recordsBeforeKeyUpdate = 4
    let (initiator, acceptor) = try HandshakePair.sessions(records: limits)
    try open(try initiator.sealer.seal(.messages, [1]), acceptor.opener)
    try open(try initiator.sealer.seal(.messages, [2]), acceptor.opener)
    let records = split(try initiator.sealer.seal(.messages, [3]))
    try open(records[0], acceptor.opener)
    #expect(throws: SessionError.keyUpdateTooSoon) { try open(records[1], acceptor.opener) }
  }

  @Test("a peer that does not change its key in time is cut off")
  func keyUpdateMissing() throws {
    let secret = TrafficSecret(SecretBytes(copying: [UInt8](repeating: 1, count: 48)))
    let sealer = try RecordSealer(secret: secret, suite: .aes256GCM, limits: RecordLimits())
    let opener = try RecordOpener(secret: secret, suite: .aes256GCM, limits: smallLimits(records: 3))
    for number in 0..<3 { try open(try sealer.seal(.messages, [UInt8(number)]), opener) }
    #expect(throws: SessionError.keyUpdateMissing) { try open(try sealer.seal(.messages, [3]), opener) }
  }

  @Test("a record sealed before the change of keys does not open after it")
  func replayAcrossUpdate() throws {
    let (initiator, acceptor) = try HandshakePair.sessions(records: smallLimits(records: 2))
    let old = split(try initiator.sealer.seal(.messages, [1]))
    for record in old { try open(record, acceptor.opener) }
    #expect(throws: SessionError.recordDidNotOpen) { try open(old[0], acceptor.opener) }
  }

  @Test("a change of keys that carries something ends the session, however many records came before")
  func keyUpdateWithContent() throws {
    let secret = TrafficSecret(SecretBytes(copying: [UInt8](repeating: 1, count: 48)))
    let state = try RecordState(secret: secret, suite: .aes256GCM, direction: .seal)
    let opener = try RecordOpener(secret: secret, suite: .aes256GCM, limits: smallLimits())
    let plaintext: [UInt8] = [RecordType.keyUpdate.rawValue, 9]
    var record: [UInt8] = [0, 0, 0, 18] + [UInt8](repeating: 0, count: 18)
    try record.withUnsafeMutableBytes { buffer in
      _ = try plaintext.withUnsafeBytes {
        try state.cipher.seal(
          nonce: state.nextNonce(), associatedData: UnsafeRawBufferPointer(rebasing: buffer[..<4]),
          plaintext: $0, into: UnsafeMutableRawBufferPointer(rebasing: buffer[4...]))
      }
    }
    #expect(throws: SessionError.malformedRecord("a key update carries content")) { try open(record, opener) }
  }
}
