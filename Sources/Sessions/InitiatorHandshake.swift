import Cryptography

/// The initiator's side of the handshake, without I/O.
///
///     started → initiateSecurityContext → (token) → sendFrame [H1, AP-REQ]
///     frame [H2, AP-REP, Finished_A] → continueSecurityContext → (complete) → computePseudoRandom
///     pseudoRandomComputed → verify Finished_A → sendFrame [Finished_I], establish
///
/// After `close` or `establish` it does nothing more, whatever happens.
public struct InitiatorHandshake {
  /// What the dialler wants.
  public struct Configuration: Sendable {
    public var cluster: String
    /// The principal that is dialled, with its realm.
    public var service: String
    /// Offered suites, in order of preference.
    public var suites: [CipherSuite]
    /// Whether the session ends with the ticket.
    public var endsWithTicket: Bool
    public var limits: SessionLimits

    public init(
      cluster: String, service: String, suites: [CipherSuite] = [.aes256GCM, .chaCha20Poly1305],
      endsWithTicket: Bool = true, limits: SessionLimits = SessionLimits()
    ) {
      self.cluster = cluster
      self.service = service
      self.suites = suites
      self.endsWithTicket = endsWithTicket
      self.limits = limits
    }
  }

  private enum State {
    case idle
    /// The context gives its first token.
    case initiating
    case awaitingAcceptor(token: [UInt8])
    /// The context takes the acceptor's token.
    case continuing(Flights)
    case awaitingPseudoRandom(Flights, SecurityProperties)
    /// A bare hello waits for its description.
    case awaitingDescription
    case finished
  }

  /// Everything that was said, once the acceptor has spoken.
  private struct Flights {
    var token: [UInt8]
    var acceptorHelloBytes: [UInt8]
    var acceptorHello: AcceptorHello
    var acceptorToken: [UInt8]
    var finished: [UInt8]
  }

  private let configuration: Configuration
  private let entropy: HandshakeEntropy
  private let isBare: Bool
  private let helloBytes: [UInt8]
  private var state = State.idle
  private var budget: HandshakeBudget

  public init(configuration: Configuration, entropy: HandshakeEntropy) {
    self.init(configuration: configuration, entropy: entropy, isBare: false)
  }

  /// A handshake that only asks the node for its description; it needs no ticket.
  public static func bareHello(
    entropy: HandshakeEntropy, limits: SessionLimits = SessionLimits()
  ) -> InitiatorHandshake {
    InitiatorHandshake(
      configuration: Configuration(cluster: "", service: "", limits: limits), entropy: entropy, isBare: true)
  }

  private init(configuration: Configuration, entropy: HandshakeEntropy, isBare: Bool) {
    self.configuration = configuration
    self.entropy = entropy
    self.isBare = isBare
    helloBytes =
      InitiatorHello(
        suites: configuration.suites, random: entropy.random, publicKey: entropy.keyPair.publicKey,
        cluster: configuration.cluster, service: configuration.service
      ).encoded()
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
      state = .finished
      return [.close(error)]
    }
  }

  private mutating func advance(_ event: HandshakeEvent) throws(SessionError) -> [HandshakeAction] {
    switch (state, event) {
    case (.finished, _): return []
    case (_, .timedOut): throw .timedOut
    case (_, .displaced): throw .tooManyConnections
    case (_, .connectionLost(let reason)): throw .connectionLost(reason)
    case (_, .securityContextFailed(let sentence, let complaint)):
      throw .securityContextFailed(sentence, complaint)
    case (.idle, .started): return start()
    case (.initiating, .securityContextAdvanced(let token, let isComplete, _)):
      return try sendHello(token: token, isComplete: isComplete)
    case (.awaitingAcceptor(let token), .frameReceived(let frame)):
      return try receive(frame, token: token)
    case (.awaitingDescription, .frameReceived(let frame)): return try receiveDescription(frame)
    case (.continuing(let flights), .securityContextAdvanced(let token, let isComplete, let properties)):
      return try complete(flights, token: token, isComplete: isComplete, properties: properties)
    case (.awaitingPseudoRandom(let flights, let properties), .pseudoRandomComputed(let secret)):
      return try establish(flights, properties, preSharedKey: secret)
    case (_, .frameReceived): throw .unexpectedFrame("a frame before its turn")
    default: throw .unexpectedEvent("\(event.name)")
    }
  }

  private mutating func start() -> [HandshakeAction] {
    if isBare {
      state = .awaitingDescription
      return [.sendFrame(HandshakeFrame.initiatorFlight(hello: helloBytes, token: []).encoded())]
    }
    state = .initiating
    return [
      .initiateSecurityContext(
        target: configuration.service, channelBinding: ChannelBinding.bytes(initiatorHello: helloBytes))
    ]
  }

  private mutating func sendHello(token: [UInt8]?, isComplete: Bool) throws(SessionError) -> [HandshakeAction]
  {
    guard let token, !token.isEmpty, !isComplete else { throw .contextRefused(.oneTokenEachWay) }
    guard token.count <= configuration.limits.tokenBytes else {
      throw .tokenTooLong(token.count, limit: configuration.limits.tokenBytes)
    }
    state = .awaitingAcceptor(token: token)
    return [.sendFrame(HandshakeFrame.initiatorFlight(hello: helloBytes, token: token).encoded())]
  }

  private mutating func receive(_ bytes: [UInt8], token: [UInt8]) throws(SessionError) -> [HandshakeAction] {
    try budget.spend(frame: bytes)
    switch try HandshakeFrame.decode(bytes, limits: configuration.limits) {
    case .acceptorFlight(let helloBytes, let acceptorToken, let finished):
      let hello = try AcceptorHello.decode(helloBytes, limits: configuration.limits)
      guard configuration.suites.contains(hello.suite) else { throw .noCommonSuite }
      guard hello.description.cluster == configuration.cluster else {
        throw .wrongCluster(ours: configuration.cluster, theirs: hello.description.cluster)
      }
      guard hello.service == configuration.service else {
        throw .wrongTarget(dialled: configuration.service, answered: hello.service)
      }
      guard !acceptorToken.isEmpty else { throw .contextRefused(.oneTokenEachWay) }
      state = .continuing(
        Flights(
          token: token, acceptorHelloBytes: helloBytes, acceptorHello: hello,
          acceptorToken: acceptorToken, finished: finished))
      return [.continueSecurityContext(token: acceptorToken)]
    case .refusal(let refusal): throw .refused(refusal)
    default: throw .unexpectedFrame("another frame than its flight")
    }
  }

  private mutating func receiveDescription(_ bytes: [UInt8]) throws(SessionError) -> [HandshakeAction] {
    try budget.spend(frame: bytes)
    switch try HandshakeFrame.decode(bytes, limits: configuration.limits) {
    case .description(let description):
      state = .finished
      return [.describe(description), .close(nil)]
    case .refusal(let refusal): throw .refused(refusal)
    default: throw .unexpectedFrame("another frame than its description")
    }
  }

  private mutating func complete(
    _ flights: Flights, token: [UInt8]?, isComplete: Bool, properties: SecurityProperties?
  ) throws(SessionError) -> [HandshakeAction] {
    guard isComplete, token?.isEmpty ?? true, let properties else {
      throw .contextRefused(.oneTokenEachWay)
    }
    try properties.check(role: .initiator, service: configuration.service)
    state = .awaitingPseudoRandom(flights, properties)
    return [
      .computePseudoRandom(
        input: KeySchedule.preSharedKeyInput(transcript(flights)), length: KeySchedule.preSharedKeyLength)
    ]
  }

  private mutating func establish(
    _ flights: Flights, _ properties: SecurityProperties, preSharedKey: SecretBytes
  ) throws(SessionError) -> [HandshakeAction] {
    let transcript = transcript(flights)
    let schedule = try KeySchedule.agree(
      preSharedKey: preSharedKey, keyPair: entropy.keyPair, peerKey: flights.acceptorHello.publicKey,
      transcript: transcript)
    let names = (initiator: properties.local, acceptor: properties.peer, cluster: configuration.cluster)
    let expected = transcript.finished(
      role: .acceptor, key: schedule.acceptorFinishedKey, initiator: names.initiator,
      acceptor: names.acceptor, cluster: names.cluster)
    guard constantTimeEqual(expected, flights.finished) else { throw .finishedDidNotVerify }
    let finished = transcript.finished(
      role: .initiator, key: schedule.initiatorFinishedKey, initiator: names.initiator,
      acceptor: names.acceptor, cluster: names.cluster)
    let identity = SessionIdentity(
      role: .initiator, local: properties.local, peer: properties.peer, service: configuration.service,
      cluster: configuration.cluster, authenticationIndicators: properties.authenticationIndicators,
      ticketEncryptionType: properties.ticketEncryptionType, ticketExpiry: properties.expiry,
      endsWithTicket: configuration.endsWithTicket,
      suite: flights.acceptorHello.suite, transcriptHash: transcript.hash)
    let session = try EstablishedSession(
      identity: identity, role: .initiator, schedule: schedule, limits: configuration.limits.records)
    state = .finished
    return [.sendFrame(HandshakeFrame.initiatorFinished(finished).encoded()), .establish(session)]
  }

  private func transcript(_ flights: Flights) -> HandshakeTranscript {
    HandshakeTranscript(
      initiatorHello: helloBytes, initiatorToken: flights.token,
      acceptorHello: flights.acceptorHelloBytes, acceptorToken: flights.acceptorToken)
  }
}
