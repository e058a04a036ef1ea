import Cryptography

/// The acceptor's side of the handshake, without I/O.
///
///     frame [H1, AP-REQ] → acceptSecurityContext → (token, complete) → computePseudoRandom
///     pseudoRandomComputed → sendFrame [H2, AP-REP, Finished_A]
///     frame [Finished_I] → establish
///
/// Nothing is kept for a peer before its Finished but the few hundred bytes of this value. An early refusal
/// is told to the peer in a frame that nobody authenticates. After `close` or `establish` it does nothing
/// more, whatever happens.
public struct AcceptorHandshake {
  /// What the node offers.
  public struct Configuration: Sendable {
    public var cluster: String
    /// What is said of the node to everybody. Its cluster is replaced by `cluster`.
    public var description: NodeDescription
    /// The services that the node accepts sessions for.
    public var services: [Service]
    public var suites: [CipherSuite]
    public var limits: SessionLimits

    public init(
      cluster: String, description: NodeDescription, services: [Service],
      suites: [CipherSuite] = [.aes256GCM, .chaCha20Poly1305], limits: SessionLimits = SessionLimits()
    ) {
      self.cluster = cluster
      self.description = description
      self.description.cluster = cluster
      self.services = services
      self.suites = suites
      self.limits = limits
    }
  }

  /// A service principal (with realm) and whom it lets in.
  public struct Service: Sendable {
    public var principal: String
    public var policy: AcceptorPolicy

    public init(principal: String, policy: AcceptorPolicy = .standard) {
      self.principal = principal
      self.policy = policy
    }
  }

  private enum State {
    case awaitingHello
    /// The context takes the initiator's token.
    case accepting(FirstFlight)
    case awaitingPseudoRandom(FirstFlight, Answer, SecurityProperties)
    case awaitingFinished(Expectation)
    case finished
  }

  private struct FirstFlight {
    var helloBytes: [UInt8]
    var hello: InitiatorHello
    var token: [UInt8]
    var service: Service
    var suite: CipherSuite
  }

  private struct Answer {
    var helloBytes: [UInt8]
    var token: [UInt8]
    var transcript: HandshakeTranscript
    var keyPair: X25519KeyPair
  }

  private struct Expectation {
    var finished: [UInt8]
    var schedule: KeySchedule
    var identity: SessionIdentity
  }

  private let configuration: Configuration
  private let makeEntropy: () throws(CryptographyError) -> HandshakeEntropy
  private var state = State.awaitingHello
  private var budget: HandshakeBudget

  /// - Parameter entropy: evaluated once the peer's ticket is good: a key pair costs more than a stranger is worth.
  public init(
    configuration: Configuration,
    entropy: @autoclosure @escaping () throws(CryptographyError) -> HandshakeEntropy
  ) {
    self.configuration = configuration
    makeEntropy = entropy
    budget = HandshakeBudget(configuration.limits)
  }

  /// Length of the frame that starts `buffer` (prefix excluded), or `nil` while the prefix is incomplete.
  /// - Throws: ``SessionError/frameLengthRefused(_:limit:)``: before anything is kept for it.
  public func frameLength(in buffer: UnsafeRawBufferPointer) throws(SessionError) -> Int? {
    try budget.frameLength(in: buffer)
  }

  public mutating func handle(_ event: HandshakeEvent) -> [HandshakeAction] {
    do throws(SessionError) {
      return try advance(event)
    } catch {
      let (isEarly, service) = (isEarly, dialled)
      state = .finished
      guard isEarly, let code = error.refusalCode else { return [.close(error)] }
      return [.sendFrame(Self.refusal(code, error, service: service, configuration)), .close(error)]
    }
  }

  /// The frame that refuses a connection before its hello was read.
  public static func refusal(of error: SessionError, configuration: Configuration) -> [UInt8] {
    refusal(error.refusalCode ?? .other, error, service: nil, configuration)
  }

  private static func refusal(
    _ code: RefusalCode, _ error: SessionError, service: String?, _ configuration: Configuration
  ) -> [UInt8] {
    let told = error.told(service: service ?? "this node", realm: configuration.description.realm)
    let sentence = printable(told, maximum: configuration.limits.nameBytes)
    return HandshakeFrame.refusal(
      Refusal(code: code, sentence: sentence, description: configuration.description)
    ).encoded()
  }

  /// The service that the peer has named.
  private var dialled: String? {
    switch state {
    case .accepting(let flight), .awaitingPseudoRandom(let flight, _, _): flight.service.principal
    case .awaitingHello, .awaitingFinished, .finished: nil
    }
  }

  /// Until the second flight is out, a refusal tells the peer why.
  private var isEarly: Bool {
    switch state {
    case .awaitingHello, .accepting, .awaitingPseudoRandom: true
    case .awaitingFinished, .finished: false
    }
  }

  private mutating func advance(_ event: HandshakeEvent) throws(SessionError) -> [HandshakeAction] {
    switch (state, event) {
    case (.finished, _), (.awaitingHello, .started): return []
    case (_, .timedOut): throw .timedOut
    case (_, .displaced): throw .tooManyConnections
    case (_, .connectionLost(let reason)): throw .connectionLost(reason)
    case (_, .securityContextFailed(let sentence, let complaint)):
      throw .securityContextFailed(sentence, complaint)
    case (.awaitingHello, .frameReceived(let frame)): return try receiveHello(frame)
    case (.accepting(let flight), .securityContextAdvanced(let token, let isComplete, let properties)):
      return try accept(flight, token: token, isComplete: isComplete, properties: properties)
    case (.awaitingPseudoRandom(let flight, let answer, let properties), .pseudoRandomComputed(let secret)):
      return try sendAnswer(flight, answer, properties, preSharedKey: secret)
    case (.awaitingFinished(let expectation), .frameReceived(let frame)):
      return try receiveFinished(frame, expectation)
    case (_, .frameReceived): throw .unexpectedFrame("a frame before its turn")
    default: throw .unexpectedEvent("\(event.name)")
    }
  }

  private mutating func receiveHello(_ bytes: [UInt8]) throws(SessionError) -> [HandshakeAction] {
    try budget.spend(frame: bytes)
    let frame = try HandshakeFrame.decode(bytes, limits: configuration.limits)
    guard case .initiatorFlight(let helloBytes, let token) = frame else {
      throw .unexpectedFrame("another frame than its hello")
    }
    let hello = try InitiatorHello.decode(helloBytes, limits: configuration.limits)
    if token.isEmpty {
      state = .finished
      return [.sendFrame(HandshakeFrame.description(configuration.description).encoded()), .close(nil)]
    }
    guard hello.cluster == configuration.cluster else {
      throw .wrongCluster(ours: configuration.cluster, theirs: hello.cluster)
    }
    guard let service = configuration.services.first(where: { $0.principal == hello.service }) else {
      throw .unknownService(hello.service)
    }
    guard let suite = hello.suites.first(where: configuration.suites.contains) else { throw .noCommonSuite }
    state = .accepting(
      FirstFlight(helloBytes: helloBytes, hello: hello, token: token, service: service, suite: suite))
    return [
      .acceptSecurityContext(
        service: service.principal, token: token,
        channelBinding: ChannelBinding.bytes(initiatorHello: helloBytes))
    ]
  }

  private mutating func accept(
    _ flight: FirstFlight, token: [UInt8]?, isComplete: Bool, properties: SecurityProperties?
  ) throws(SessionError) -> [HandshakeAction] {
    guard isComplete, let token, !token.isEmpty, let properties else {
      throw .contextRefused(.oneTokenEachWay)
    }
    guard token.count <= configuration.limits.tokenBytes else {
      throw .tokenTooLong(token.count, limit: configuration.limits.tokenBytes)
    }
    try properties.check(role: .acceptor, service: flight.service.principal)
    try flight.service.policy.check(properties)
    let entropy: HandshakeEntropy
    do { entropy = try makeEntropy() } catch { throw .cryptographyFailed("\(error)") }
    let helloBytes = AcceptorHello(
      suite: flight.suite, random: entropy.random, publicKey: entropy.keyPair.publicKey,
      service: flight.service.principal, description: configuration.description
    ).encoded()
    let transcript = HandshakeTranscript(
      initiatorHello: flight.helloBytes, initiatorToken: flight.token, acceptorHello: helloBytes,
      acceptorToken: token)
    state = .awaitingPseudoRandom(
      flight,
      Answer(helloBytes: helloBytes, token: token, transcript: transcript, keyPair: entropy.keyPair),
      properties)
    return [
      .computePseudoRandom(
        input: KeySchedule.preSharedKeyInput(transcript), length: KeySchedule.preSharedKeyLength)
    ]
  }

  private mutating func sendAnswer(
    _ flight: FirstFlight, _ answer: Answer, _ properties: SecurityProperties, preSharedKey: SecretBytes
  ) throws(SessionError) -> [HandshakeAction] {
    let transcript = answer.transcript
    let schedule = try KeySchedule.agree(
      preSharedKey: preSharedKey, keyPair: answer.keyPair, peerKey: flight.hello.publicKey,
      transcript: transcript)
    let finished = transcript.finished(
      role: .acceptor, key: schedule.acceptorFinishedKey, initiator: properties.peer,
      acceptor: properties.local, cluster: configuration.cluster)
    let expected = transcript.finished(
      role: .initiator, key: schedule.initiatorFinishedKey, initiator: properties.peer,
      acceptor: properties.local, cluster: configuration.cluster)
    let identity = SessionIdentity(
      role: .acceptor, local: properties.local, peer: properties.peer, service: flight.service.principal,
      cluster: configuration.cluster, authenticationIndicators: properties.authenticationIndicators,
      ticketEncryptionType: properties.ticketEncryptionType, ticketExpiry: properties.expiry,
      endsWithTicket: flight.service.policy.endsWithTicket,
      suite: flight.suite, transcriptHash: transcript.hash)
    state = .awaitingFinished(Expectation(finished: expected, schedule: schedule, identity: identity))
    let frame = HandshakeFrame.acceptorFlight(
      hello: answer.helloBytes, token: answer.token, finished: finished)
    return [.sendFrame(frame.encoded())]
  }

  private mutating func receiveFinished(
    _ bytes: [UInt8], _ expectation: Expectation
  ) throws(SessionError) -> [HandshakeAction] {
    try budget.spend(frame: bytes)
    let frame = try HandshakeFrame.decode(bytes, limits: configuration.limits)
    guard case .initiatorFinished(let finished) = frame else {
      throw .unexpectedFrame("another frame than its Finished")
    }
    guard constantTimeEqual(expectation.finished, finished) else { throw .finishedDidNotVerify }
    let session = try EstablishedSession(
      identity: expectation.identity, role: .acceptor, schedule: expectation.schedule,
      limits: configuration.limits.records)
    state = .finished
    return [.establish(session)]
  }
}

/// A sentence cut and cleaned to what `readPrintableText` takes at the other side.
private func printable(_ sentence: String, maximum: Int) -> String {
  // Nearly all are plain English, and a flood has many told.
  let isPlain = sentence.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f }
  if isPlain, sentence.utf8.count <= maximum { return sentence }
  var result = ""
  for scalar in sentence.unicodeScalars {
    let clean = isPrintable(scalar) ? scalar : " "
    guard result.utf8.count + UTF8.width(clean) <= maximum else { break }
    result.unicodeScalars.append(clean)
  }
  return result
}
