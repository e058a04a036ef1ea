import Cryptography
import Testing

@testable import Sessions

@Suite("What the handshake refuses")
struct HandshakeRefusalTests {
  /// Runs a handshake that must fail, and returns the two errors.
  private func failing(
    _ offer: InitiatorHandshake.Configuration = HandshakePair.offer(),
    _ service: AcceptorHandshake.Configuration = HandshakePair.service(),
    _ change: (inout HandshakePair) -> Void = { _ in }
  ) throws -> (initiator: SessionError?, acceptor: SessionError?) {
    var pair = try HandshakePair(offer, service)
    change(&pair)
    pair.run()
    #expect(pair.atInitiator.session == nil)
    #expect(pair.atAcceptor.session == nil)
    return (pair.atInitiator.error, pair.atAcceptor.error)
  }

  /// The refusal frame's contents, as the initiator sees them.
  private func refusal(_ error: SessionError?) -> RefusalCode? {
    guard case .refused(let refusal) = error else { return nil }
    #expect(refusal.description == HandshakePair.description)
    #expect(!refusal.sentence.isEmpty)
    return refusal.code
  }

  @Test("another cluster's initiator is told so")
  func wrongCluster() throws {
    let errors = try failing(HandshakePair.offer { $0.cluster = "prod" })
    #expect(errors.acceptor == .wrongCluster(ours: "demo", theirs: "prod"))
    #expect(refusal(errors.initiator) == .wrongCluster)
  }

  @Test("a service that the node does not have is refused by name")
  func unknownService() throws {
    let errors = try failing(HandshakePair.offer { $0.service = "keyval-drone/d9@TEST.REALM" })
    #expect(errors.acceptor == .unknownService("keyval-drone/d9@TEST.REALM"))
    #expect(refusal(errors.initiator) == .unknownService)
  }

  @Test("two sides without a common suite part")
  func noCommonSuite() throws {
    let errors = try failing(
      HandshakePair.offer { $0.suites = [.aes256GCM] },
      HandshakePair.service { $0.suites = [.chaCha20Poly1305] })
    #expect(errors.acceptor == .noCommonSuite)
    #expect(refusal(errors.initiator) == .noCommonSuite)
  }

  @Test("a ticket that the acceptor cannot take is refused with its sentence")
  func badTicket() throws {
    let errors = try failing { $0.initiatorContext = FakeSecurityContext(ticketKey: [1, 2, 3]) }
    guard case .securityContextFailed = errors.acceptor else {
      Issue.record("\(String(describing: errors.acceptor))")
      return
    }
    #expect(refusal(errors.initiator) == .ticketRefused)
  }

  @Test("an acceptor without the service's key is not believed")
  func badAcceptor() throws {
    let errors = try failing {
      $0.acceptorContext = FakeSecurityContext(ticketKey: [1, 2, 3])
      $0.acceptorContext.faults.checksChannelBinding = false
    }
    guard case .securityContextFailed = errors.initiator else {
      Issue.record("\(String(describing: errors.initiator))")
      return
    }
  }

  @Test(
    "a context that lacks a property is refused by the acceptor",
    arguments: [
      SecurityRequirement.mutualAuthentication, .channelBinding, .acceptorSubkey, .encryptionType(18),
    ])
  func acceptorRequires(_ requirement: SecurityRequirement) throws {
    let errors = try failing {
      $0.acceptorContext.faults.alterAcceptor = { properties in drop(requirement, from: &properties) }
    }
    #expect(errors.acceptor == .contextRefused(requirement))
    #expect(refusal(errors.initiator) == .contextRefused)
  }

  @Test(
    "a context that lacks a property is refused by the initiator",
    arguments: [SecurityRequirement.mutualAuthentication, .acceptorSubkey, .encryptionType(17)])
  func initiatorRequires(_ requirement: SecurityRequirement) throws {
    let errors = try failing {
      $0.initiatorContext.faults.alterInitiator = { properties in drop(requirement, from: &properties) }
    }
    #expect(errors.initiator == .contextRefused(requirement))
  }

  @Test("AES128-SHA256-128 is an AES-SHA2 type too")
  func encryptionType19() throws {
    var pair = try HandshakePair()
    pair.acceptorContext.faults.alterAcceptor = { $0.sessionKeyEncryptionType = 19 }
    pair.initiatorContext.faults.alterInitiator = { $0.sessionKeyEncryptionType = 19 }
    pair.run()
    #expect(pair.atAcceptor.session != nil)
  }

  @Test("a context takes one token each way, not more and not less")
  func oneTokenEachWay() throws {
    let error = SessionError.contextRefused(.oneTokenEachWay)
    #expect(try failing { $0.acceptorContext.faults.acceptorIsIncomplete = true }.acceptor == error)
    #expect(try failing { $0.acceptorContext.faults.acceptorGivesNoToken = true }.acceptor == error)
    #expect(try failing { $0.initiatorContext.faults.initiatorGivesSecondToken = true }.initiator == error)
    for (token, isComplete) in [(nil, false), ([], false), ([1], true)] as [([UInt8]?, Bool)] {
      var initiator = InitiatorHandshake(configuration: HandshakePair.offer(), entropy: try .generate())
      _ = initiator.handle(.started)
      let actions = initiator.handle(
        .securityContextAdvanced(token: token, isComplete: isComplete, properties: nil))
      guard case .close(error) = actions.first else {
        Issue.record("\(actions)")
        continue
      }
    }
  }

  @Test("another principal than the dialled one is not taken for it")
  func wrongTarget() throws {
    let other = "keyval-drone/d2@TEST.REALM"
    let errors = try failing { $0.initiatorContext.faults.alterInitiator = { $0.peer = other } }
    #expect(errors.initiator == .wrongTarget(dialled: FakeSecurityContext.drone, answered: other))
    let target = try failing { $0.initiatorContext.faults.alterInitiator = { $0.target = other } }
    #expect(target.initiator == .wrongTarget(dialled: FakeSecurityContext.drone, answered: other))
    let acceptor = try failing {
      $0.acceptorContext.faults.alterAcceptor = {
        $0.local = other
        $0.target = other
      }
    }
    #expect(acceptor.acceptor == .wrongTarget(dialled: FakeSecurityContext.drone, answered: other))
  }

  @Test("nobody opens a session with itself")
  func peerIsSelf() throws {
    let drone = FakeSecurityContext.drone
    #expect(try failing { $0.acceptorContext.user = drone }.acceptor == .peerIsSelf(drone))
    #expect(try failing { $0.initiatorContext.user = drone }.initiator == .peerIsSelf(drone))
  }

  @Test("the commander's mark is refused by every service but the command service")
  func commanderIndicator() throws {
    let errors = try failing {
      $0.acceptorContext.faults.alterAcceptor = { $0.authenticationIndicators = ["commander"] }
    }
    #expect(
      errors.acceptor
        == .indicatorRefused(
          "commander", peer: FakeSecurityContext.user, service: FakeSecurityContext.drone))
    #expect(refusal(errors.initiator) == .notAuthorized)
  }

  @Test("the command service takes only tickets with the commander's mark")
  func commandService() throws {
    let service = HandshakePair.service { $0.services[0].policy = .command }
    let errors = try failing(HandshakePair.offer(), service)
    #expect(
      errors.acceptor
        == .indicatorMissing(
          "commander", peer: FakeSecurityContext.user, service: FakeSecurityContext.drone))
    var pair = try HandshakePair(HandshakePair.offer(), service)
    pair.acceptorContext.faults.alterAcceptor = { $0.authenticationIndicators = ["commander"] }
    pair.run()
    #expect(pair.atAcceptor.session?.identity.authenticationIndicators == ["commander"])
  }

  @Test("a hello of another version is told apart from garbage")
  func otherVersion() throws {
    var pair = try HandshakePair()
    pair.tamper = { number, frame in
      // [1, h'86 01 …', …]: the version follows the hello's array head.
      if number == 0, let start = frame.firstIndex(of: 0x86) { frame[start + 1] = 2 }
    }
    pair.run()
    #expect(pair.atAcceptor.error == .unsupportedVersion(2))
    #expect(refusal(pair.atInitiator.error) == .unsupportedVersion)
  }

  @Test("an all-zero public key is refused by both sides")
  func lowOrderKey() throws {
    for flight in 0..<2 {
      var pair = try HandshakePair()
      pair.initiatorContext.faults.checksChannelBinding = false
      pair.acceptorContext.faults.checksChannelBinding = false
      pair.tamper = { number, frame in
        guard number == flight else { return }
        // The public key is the second byte string of 32 bytes: 58 20 …. The first is random, and may have these bytes.
        var seen = 0
        var index = 0
        while index < frame.count - 34, seen < 2 {
          guard frame[index] == 0x58, frame[index + 1] == 0x20 else {
            index += 1
            continue
          }
          seen += 1
          if seen == 2 {
            frame.replaceSubrange((index + 2)..<(index + 34), with: repeatElement(0, count: 32))
          }
          index += 34
        }
      }
      pair.run()
      let error = flight == 0 ? pair.atAcceptor.error : pair.atInitiator.error
      guard case .keyAgreementFailed = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
  }

  /// Runs a handshake in which the acceptor's hello is another one.
  private func answer(_ change: @escaping (inout AcceptorHello) -> Void) throws -> SessionError? {
    try failing(HandshakePair.offer { $0.suites = [.aes256GCM] }) { pair in
      pair.tamper = { number, frame in
        guard number == 1, let flight = try? HandshakeFrame.decode(frame, limits: SessionLimits()),
          case .acceptorFlight(let bytes, let token, let finished) = flight,
          var hello = try? AcceptorHello.decode(bytes, limits: SessionLimits())
        else { return }
        change(&hello)
        let changed = HandshakeFrame.acceptorFlight(hello: hello.encoded(), token: token, finished: finished)
        frame = Array(changed.encoded().dropFirst(4))
      }
    }.initiator
  }

  @Test("the initiator takes no answer from another service or cluster, nor a suite that it did not offer")
  func otherAnswer() throws {
    #expect(
      try answer { $0.service = "other@TEST.REALM" }
        == .wrongTarget(dialled: FakeSecurityContext.drone, answered: "other@TEST.REALM"))
    #expect(try answer { $0.description.cluster = "prod" } == .wrongCluster(ours: "demo", theirs: "prod"))
    #expect(try answer { $0.suite = .chaCha20Poly1305 } == .noCommonSuite)
    #expect(try answer { $0.description.address = "127.0.0.1:1" } == .finishedDidNotVerify)
  }

  @Test("a refusal's sentence and description may not carry control characters")
  func controlCharacters() throws {
    var hostile = HandshakePair.description
    hostile.role = "drone\u{1b}[2J"
    let frame = HandshakeFrame.refusal(Refusal(code: .other, sentence: "no", description: hostile))
    var pair = try HandshakePair()
    pair.tamper = { number, bytes in if number == 1 { bytes = Array(frame.encoded().dropFirst(4)) } }
    pair.run()
    guard case .malformedFrame = pair.atInitiator.error else {
      Issue.record("\(String(describing: pair.atInitiator.error))")
      return
    }
  }

  @Test("a refusal stays decodable when the sentence is long or has control characters")
  func longSentence() throws {
    let error = SessionError.unknownService("a\u{7}b" + String(repeating: "ü", count: 2000))
    let frame = AcceptorHandshake.refusal(of: error, configuration: HandshakePair.service())
    let decoded = try HandshakeFrame.decode(Array(frame.dropFirst(4)), limits: SessionLimits())
    guard case .refusal(let refusal) = decoded else {
      Issue.record("\(decoded)")
      return
    }
    #expect(refusal.code == .unknownService)
    #expect(refusal.sentence.utf8.count <= 1024)
  }

  @Test("every error says whose fault it is and what to do, in words")
  func sentences() {
    let errors: [SessionError] = [
      .timedOut, .noCommonSuite, .recordDidNotOpen, .peerIsSelf("a"), .keyUpdateTooSoon, .ticketExpired,
      .closedByPeer(.idle), .contextRefused(.channelBinding),
      .refused(Refusal(code: .ticketRefused, sentence: "s", description: HandshakePair.description)),
    ]
    for error in errors {
      #expect(!error.description.isEmpty && !error.remedy.isEmpty && !error.fault.rawValue.isEmpty)
    }
    #expect(errors.last?.remedy.contains("TEST.REALM") == true)
  }
}

/// Takes a required property away.
private func drop(_ requirement: SecurityRequirement, from properties: inout SecurityProperties) {
  switch requirement {
  case .mutualAuthentication: properties.isMutual = false
  case .channelBinding: properties.isChannelBound = false
  case .acceptorSubkey: properties.hasAcceptorSubkey = false
  case .encryptionType(let type): properties.sessionKeyEncryptionType = type
  case .oneTokenEachWay: break
  }
}
