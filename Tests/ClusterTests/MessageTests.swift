import FoundationEssentials
import Testing
import Wire

@testable import Cluster

@Suite("Messages") struct MessageTests {
  /// A message comes back from its bytes as it was; its bytes cut anywhere, or longer by one, do not.
  private func check(_ message: some WireMessage) throws {
    func decode<Message: WireMessage>(as _: Message, _ bytes: [UInt8]) throws -> [UInt8] {
      try Message.decode(bytes).encoded()
    }
    let bytes = message.encoded()
    let again = try decode(as: message, bytes)
    #expect(again == bytes)
    // Every length for short messages; of long ones both ends and a sample between.
    let lengths =
      bytes.count < 700 ? Array(0..<bytes.count) : Array(0..<300) + Array(bytes.count - 300..<bytes.count)
    for length in lengths {
      #expect(throws: CBORError.self, "cut to \(length) of \(bytes.count)") {
        try decode(as: message, Array(bytes[..<length]))
      }
    }
    #expect(throws: CBORError.self) { try decode(as: message, bytes + [0]) }
  }

  @Test("every control message comes back, and none that is cut", arguments: MessageSamples.control)
  func control(message: ControlMessage) throws {
    try check(message)
    #expect(try ControlMessage.decode(message.encoded()) == message)
  }

  @Test("every kind of control message has a sample, from 32 on without a gap")
  func complete() {
    #expect(Set(MessageSamples.control.map(\.kind)) == Set(Array(32...63) + Array(128...141)))
  }

  @Test("the CDDL beside the protocol document has every kind of message")
  func schema() throws {
    let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/Wire/keyval.cddl")
    let schema = try String(contentsOf: sources, encoding: .utf8).split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    let kinds = [0...9, 16...26, 32...63, 64...68, 80...87].joined()
    for kind in kinds { #expect(schema.contains("[\(kind), ") || schema.contains("[ \(kind), "), "\(kind)") }
    for (name, limit) in [
      ("key = bstr", Limits.maximumKeyLength), ("value = bstr", Limits.maximumValueLength),
    ] {
      let digits = String(
        String(limit).reversed().enumerated().reduce(into: "") { text, digit in
          if digit.offset > 0, digit.offset % 3 == 0 { text.append(",") }
          text.append(digit.element)
        }.reversed())
      #expect(schema.contains("\(name) ; at most \(digits) bytes"), "\(name)")
    }
  }

  @Test("every request of a client comes back, and none that is cut", arguments: OwnedRequest.samples)
  func requests(request: OwnedRequest) throws {
    try check(request)
    #expect(try OwnedRequest.decode(request.encoded()) == request)
  }

  @Test("every answer to a client comes back, and none that is cut", arguments: OwnedAnswer.samples)
  func answers(answer: OwnedAnswer) throws { try check(answer) }

  @Test("what drones and databases say comes back, and nothing that is cut")
  func store() throws {
    for request in MessageSamples.storeRequests {
      try check(request)
      #expect(try StoreRequest.decode(request.encoded()) == request)
    }
    for answer in MessageSamples.storeAnswers {
      try check(answer)
      #expect(try StoreAnswer.decode(answer.encoded()) == answer)
    }
  }

  @Test("what owners and shadows say comes back, and nothing that is cut")
  func replication() throws {
    for message in MessageSamples.replicationMessages {
      try check(message)
      #expect(try ReplicationMessage.decode(message.encoded()) == message)
    }
    for answer in MessageSamples.replicationAnswers {
      try check(answer)
      #expect(try ReplicationAnswer.decode(answer.encoded()) == answer)
    }
  }

  @Test("maps, grants and the status come back, and nothing that is cut")
  func others() throws {
    for map in MessageSamples.maps {
      try check(map)
      #expect(try SlotMap.decode(map.encoded()) == map)
    }
    for map in MessageSamples.signedMaps { try check(map) }
    for grant in MessageSamples.grants { try check(grant) }
    for grant in MessageSamples.sealedGrants { try check(grant) }
    for status in MessageSamples.statuses { try check(status) }
    for list in MessageSamples.memberships { try check(list) }
  }

  @Test("kinds and choices that do not exist are refused")
  func unknown() {
    for bytes: [UInt8] in [[0x82, 0x18, 31, 0], [0x82, 0x18, 58, 0], [0x82, 0, 0], [0x82, 0x18, 200, 0]] {
      #expect(throws: CBORError.self) { try ControlMessage.decode(bytes) }
    }
    for kind: UInt8 in 11...15 {
      #expect(throws: CBORError.unknownKind("a request", kind: UInt64(kind))) {
        try OwnedRequest.decode([0x82, kind, 0])
      }
    }
    #expect(throws: CBORError.self, "a get of four items") { try OwnedRequest.decode([0x84, 0, 0, 0x40, 0]) }
    #expect(throws: CBORError.self, "a refusal has no life") {
      try EnrollmentAnswer.decode([0x84, 1, 2, 0x60, 1])
    }
    #expect(throws: CBORError.self, "no choice") { try CandidacyAnswer.decode([0x83, 1, 4, 1]) }
    #expect(throws: CBORError.self, "no order") { try SessionOrder.decode([0x82, 4, 1]) }
    #expect(throws: CBORError.self, "no failure") { try OwnedAnswer.decode([0x83, 21, 1, 10]) }
    #expect(throws: CBORError.self, "no reason") { try OwnedAnswer.decode([0x83, 20, 1, 0]) }
    #expect(throws: CBORError.self, "no answer") { try OwnedAnswer.decode([0x83, 0x18, 28, 1, 0]) }
  }

  @Test("a map that does not give every partition an existing owner or none is refused")
  func badMaps() throws {
    let drone = SlotMap.Drone(principal: Fixture.d1, endpoint: Endpoint(host: "h", port: 1))
    func map(_ owners: [Int?]) -> SlotMap? {
      SlotMap(
        cluster: "c", term: Term(1), version: 1, expiry: 1, commander: Fixture.d1, drones: [drone],
        owners: owners)
    }
    #expect(map([Int?](repeating: 0, count: 512)) != nil && map([Int?](repeating: nil, count: 512)) != nil)
    #expect(map([Int?](repeating: 0, count: 511)) == nil && map([Int?](repeating: 1, count: 512)) == nil)
    #expect(map([Int?](repeating: -1, count: 512)) == nil)
    var bytes = try #require(map([Int?](repeating: 0, count: 512))).encoded()
    // The last owner stands before the shadows: a head of three bytes, and one byte for each partition.
    bytes[bytes.count - 516] = 2
    #expect(throws: CBORError.outOfRange(field: "an owner or a shadow", offset: bytes.count)) {
      try SlotMap.decode(bytes)
    }
    bytes[bytes.count - 516] = 1
    bytes[bytes.count - 1] = 0x81
    for shadow: UInt8 in [0, 2] {
      #expect(throws: CBORError.self, "no such drone shadows") { try SlotMap.decode(bytes + [shadow]) }
    }
    #expect(try SlotMap.decode(bytes + [1]).shadows(of: Partition.all[511]).count == 1)
  }

  @Test("a batch starts at 1 or above, holds something, and its numbers do not wrap")
  func badBatches() throws {
    func batch(first: UInt64, count: Int) -> PartitionBatch {
      let record = LogRecord(
        key: [1], change: .delete, client: ClientIncarnation(high: 0, low: 0), write: 1,
        outcome: .written(existed: true))
      return PartitionBatch(
        partition: Partition.all[0], token: .none, incarnation: Incarnation(1), firstSequence: first,
        records: [LogRecord](repeating: record, count: count))
    }
    #expect(throws: Never.self) { try PartitionBatch.decode(batch(first: 1, count: 1).encoded()) }
    for bad in [batch(first: 0, count: 1), batch(first: 1, count: 0), batch(first: .max, count: 1)] {
      #expect(throws: CBORError.self) { try PartitionBatch.decode(bad.encoded()) }
    }
  }

  @Test("keys and values beyond the limits are refused in what is stored")
  func tooLong() {
    let client = ClientIncarnation(high: 0, low: 0)
    let longKey = LogRecord(
      key: [UInt8](repeating: 0, count: Limits.maximumKeyLength + 1), change: .delete, client: client,
      write: 1, outcome: .written(existed: false))
    let longValue = LogRecord(
      key: [1], change: .put(value: [UInt8](repeating: 0, count: Limits.maximumValueLength + 1)),
      client: client, write: 1, outcome: .written(existed: false))
    #expect(throws: CBORError.self) { try LogRecord.decode(longKey.encoded()) }
    #expect(throws: CBORError.self) { try LogRecord.decode(longValue.encoded()) }
  }

  @Test("the largest put fits one record, with the longest numbers")
  func largestPut() {
    let request = OwnedRequest(
      kind: 1, number: .max, write: .max, retry: true,
      key: [UInt8](repeating: 1, count: Limits.maximumKeyLength),
      value: [UInt8](repeating: 2, count: Limits.maximumValueLength))
    let introduction = OwnedRequest(
      kind: 3, number: .max, client: ClientIncarnation(high: .max, low: .max))
    #expect(request.encoded().count + introduction.encoded().count <= Limits.maximumPlaintextLength)
  }

  @Test("a message with a key in it shows nobody the key")
  func secrets() {
    let message = DeliverKey(term: Term(1), identifier: 2, key: [UInt8](repeating: 0xab, count: 32))
    let answer = EnrollmentAnswer(number: 1, outcome: .created(password: "one-time", secondsToLive: 1))
    for text in ["\(answer)", String(reflecting: answer), "\(ControlMessage.enrollmentAnswer(answer))"] {
      #expect(!text.contains("one-time"))
    }
    for text in ["\(message)", String(reflecting: message), "\(ControlMessage.deliverKey(message))"] {
      #expect(!text.contains("171") && !text.contains("abab"))
    }
    var dumped = ""
    dump(message, to: &dumped)
    dump(Fixture.sealingKey, to: &dumped)
    #expect(!dumped.contains("171") && !dumped.contains("- 9"))
  }

  @Test("altered messages never trap, and what is read has one encoding")
  func alterations() {
    let seed = SeededGenerator.printedSeed("altered messages")
    var generator = SeededGenerator(seed: seed)
    func alter<Message: WireMessage>(_ message: Message) {
      for _ in 0..<200 {
        var bytes = message.encoded()
        for _ in 0...Int.random(in: 0...2, using: &generator) {
          let position = Int.random(in: 0..<min(bytes.count, 300), using: &generator)
          bytes[position] = .random(in: 0...255, using: &generator)
        }
        guard let read = try? Message.decode(bytes) else { continue }
        #expect(read.encoded() == bytes, "seed \(seed)")
      }
    }
    for message in MessageSamples.control { alter(message) }
    for message in OwnedRequest.samples { alter(message) }
    for message in OwnedAnswer.samples { alter(message) }
    for message in MessageSamples.storeRequests { alter(message) }
    for message in MessageSamples.storeAnswers { alter(message) }
    for message in MessageSamples.replicationMessages { alter(message) }
    for message in MessageSamples.replicationAnswers { alter(message) }
  }
}
