import Cluster
import FuzzHarness
import Wire

/// Everything in CBOR: any item, and each message in a record of its kind.
enum MessageDecoders {
  static let all: [Decoder] = [
    cbor,
    Decoder(
      name: "request", about: "what clients ask drones",
      seeds: { OwnedRequest.samples.map { $0.encoded() } + [OwnedRequest.samples.flatMap { $0.encoded() }] },
      read: { try sequence(of: OwnedRequest.self, $0) }),
    Decoder(
      name: "answer", about: "what drones answer clients",
      seeds: { OwnedAnswer.samples.map { $0.encoded() } },
      read: { try sequence(of: OwnedAnswer.self, $0) }),
    Decoder(
      name: "control", about: "what nodes and the authority tell each other",
      seeds: { MessageSamples.control.map { $0.encoded() } },
      read: { try sequence(of: ControlMessage.self, $0) }),
    Decoder(
      name: "store", about: "what drones and databases tell each other",
      seeds: {
        MessageSamples.storeRequests.map { $0.encoded() } + MessageSamples.storeAnswers.map { $0.encoded() }
      },
      read: { try either(StoreRequest.self, StoreAnswer.self, $0) }),
    Decoder(
      name: "replication", about: "what owners and shadows tell each other",
      seeds: {
        MessageSamples.replicationMessages.map { $0.encoded() }
          + MessageSamples.replicationAnswers.map { $0.encoded() }
      },
      read: { try either(ReplicationMessage.self, ReplicationAnswer.self, $0) }),
    Decoder(
      name: "map", about: "slot maps, signed and not", maximumLength: 8_192,
      seeds: {
        MessageSamples.maps.map { $0.encoded() } + MessageSamples.signedMaps.map { $0.encoded() }
      },
      read: { try either(SlotMap.self, SignedSlotMap.self, $0) }),
    Decoder(
      name: "published", about: "membership lists and access lists as they are published, and the status",
      seeds: {
        let lists = MessageSamples.memberships.map { $0.encoded() }
        let status = MessageSamples.statuses.map { $0.encoded() }
        return lists + status + [Fixture.access().encoded(), Fixture.signedAccess().encoded()]
      },
      read: { input in
        var isTaken = try either(MembershipList.self, PublishedAccessList.self, input)
        if try either(ClusterStatus.self, SignedAccessList.self, input) { isTaken = true }
        return isTaken
      }),
    Decoder(
      name: "membership-file", about: "a membership list, as a node keeps it",
      seeds: { [SignedMembership(body: MessageSamples.membership.encoded(), signature: [8, 9]).encoded()] },
      read: { try message(SignedMembership.self, $0) }),
    Decoder(
      name: "grant", about: "grants, sealed and open",
      seeds: {
        let modes = Grant.Mode.allCases.map {
          Grant(
            partitions: Fixture.grant.partitions, incarnation: Fixture.grant.incarnation,
            token: Fixture.grant.token, mode: $0)
        }
        return (modes + MessageSamples.grants).map { $0.encoded() }
          + MessageSamples.sealedGrants.map { $0.encoded() }
      }, read: { try grant($0) }),
  ]

  private static let cbor = Decoder(
    name: "cbor", about: "any item of the protocol's CBOR",
    seeds: {
      var generator = SeededGenerator(seed: 7)
      let items = (0..<64).map { _ in Item.random(using: &generator).encoded }
      return items.filter { $0.count <= 4_096 }
    },
    read: { input in
      // An item of a byte becomes a node of a tree, in arrays that double: hence no allowance is asked for here, but the
      // reader's own check, which makes nothing.
      var reader = CBORReader(input.bytes)
      try input.decode { () throws(CBORError) in
        try reader.skip()
        try reader.requireEnd()
      }
      let item = try Item.decode(input.array)
      require(item.encoded == input.array, "an item has another encoding than the one that was read")
      return true
    })

  /// A message fills the input, and has the one encoding that was read.
  static func message<Message: WireMessage>(_: Message.Type, _ input: Input) throws(CBORError) -> Bool {
    let message = try input.decode { () throws(CBORError) in try Message.decode(input.bytes) }
    require(
      message.encoded() == input.array, "\(Message.self) has another encoding than the one that was read")
    return true
  }

  /// At most one of two kinds of message takes an input.
  static func either<First: WireMessage, Second: WireMessage>(
    _ first: First.Type, _ second: Second.Type, _ input: Input
  ) throws -> Bool {
    let isFirst = (try? message(first, input)) ?? false
    let isSecond = (try? message(second, input)) ?? false
    require(!(isFirst && isSecond), "this is \(First.self) and \(Second.self)")
    return isFirst || isSecond
  }

  /// The messages of one record. What came before a mistake is read as it was written, too.
  static func sequence<Message: WireMessage>(of _: Message.Type, _ input: Input) throws(CBORError) -> Bool {
    var reader = CBORReader(input.bytes)
    var count = 0
    while !reader.isAtEnd {
      let start = reader.offset
      let message = try input.decode { () throws(CBORError) in try Message(from: &reader) }
      let read = [UInt8](input.bytes[start..<reader.offset])
      require(message.encoded() == read, "\(Message.self) has another encoding than the one that was read")
      count += 1
    }
    return count > 0
  }

  private static func grant(_ input: Input) throws -> Bool {
    if try either(SealedGrant.self, Grant.self, input) {
      // A seal that nobody with the key has made is none.
      if let sealed = try? SealedGrant.decode(input.bytes),
        let open = try? sealed.opened(with: Fixture.sealingKey)
      {
        require(open == Fixture.grant, "a grant that was never given")
      }
      return true
    }
    return false
  }
}
