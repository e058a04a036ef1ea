import Cryptography
import Sessions

/// An initiator and an acceptor with a wire between them that a test may cut, bend and record.
struct HandshakePair {
  var initiator: InitiatorHandshake
  var acceptor: AcceptorHandshake
  var initiatorContext = FakeSecurityContext()
  var acceptorContext = FakeSecurityContext()
  var atInitiator = Outcome()
  var atAcceptor = Outcome()
  /// Every frame that was sent, without its length.
  var frames: [[UInt8]] = []
  /// Changes a frame on its way: its number (from 0), its bytes; empty drops it.
  var tamper: (Int, inout [UInt8]) -> Void = { _, _ in }

  struct Outcome {
    var session: EstablishedSession?
    var description: NodeDescription?
    var isClosed = false
    var error: SessionError?
  }

  static let description = NodeDescription(
    cluster: "demo", realm: "TEST.REALM", principals: [FakeSecurityContext.drone], role: "drone",
    softwareVersion: "0.1", commanderHint: "keyval-drone/d2@TEST.REALM", address: "127.0.0.1:6234")

  static func offer(
    _ change: (inout InitiatorHandshake.Configuration) -> Void = { _ in }
  ) -> InitiatorHandshake.Configuration {
    var configuration = InitiatorHandshake.Configuration(
      cluster: "demo", service: FakeSecurityContext.drone)
    change(&configuration)
    return configuration
  }

  static func service(
    _ change: (inout AcceptorHandshake.Configuration) -> Void = { _ in }
  ) -> AcceptorHandshake.Configuration {
    var configuration = AcceptorHandshake.Configuration(
      cluster: "demo", description: description,
      services: [AcceptorHandshake.Service(principal: FakeSecurityContext.drone)])
    change(&configuration)
    return configuration
  }

  init(
    _ offer: InitiatorHandshake.Configuration = offer(),
    _ service: AcceptorHandshake.Configuration = service(),
    isBare: Bool = false
  ) throws {
    let entropy = try HandshakeEntropy.generate()
    initiator =
      isBare ? .bareHello(entropy: entropy) : InitiatorHandshake(configuration: offer, entropy: entropy)
    acceptor = AcceptorHandshake(configuration: service, entropy: try HandshakeEntropy.generate())
  }

  private enum Side { case initiator, acceptor }

  /// Runs both sides until nobody has anything to do.
  mutating func run() {
    var events: [(Side, HandshakeEvent)] = [(.acceptor, .started), (.initiator, .started)]
    while !events.isEmpty {
      let (side, event) = events.removeFirst()
      let actions = side == .initiator ? initiator.handle(event) : acceptor.handle(event)
      for action in actions { perform(action, at: side, &events) }
    }
  }

  private mutating func perform(
    _ action: HandshakeAction, at side: Side, _ events: inout [(Side, HandshakeEvent)]
  ) {
    switch action {
    case .sendFrame(let bytes):
      var frame = Array(bytes.dropFirst(4))
      let number = frames.count
      frames.append(frame)
      tamper(number, &frame)
      if !frame.isEmpty {
        events.append((side == .initiator ? .acceptor : .initiator, .frameReceived(frame)))
      }
    case .initiateSecurityContext(_, let binding):
      events.append((side, initiatorContext.initiate(binding: binding)))
    case .continueSecurityContext(let token):
      events.append((side, initiatorContext.resume(target: FakeSecurityContext.drone, token: token)))
    case .acceptSecurityContext(let service, let token, let binding):
      events.append((side, acceptorContext.accept(service: service, token: token, binding: binding)))
    case .computePseudoRandom(let input, let length):
      let context = side == .initiator ? initiatorContext : acceptorContext
      events.append((side, context.pseudoRandom(input, length)))
    case .establish(let session): update(side) { $0.session = session }
    case .describe(let description): update(side) { $0.description = description }
    case .close(let error):
      update(side) {
        $0.isClosed = true
        $0.error = error
      }
    }
  }

  private mutating func update(_ side: Side, _ change: (inout Outcome) -> Void) {
    if side == .initiator { change(&atInitiator) } else { change(&atAcceptor) }
  }

  /// Two ends of a session, as a handshake leaves them.
  static func sessions(
    suite: CipherSuite = .aes256GCM, records: RecordLimits = RecordLimits()
  ) throws -> (initiator: EstablishedSession, acceptor: EstablishedSession) {
    var pair = try HandshakePair(
      offer {
        $0.suites = [suite]
        $0.limits.records = records
      }, service { $0.limits.records = records })
    pair.run()
    guard let initiator = pair.atInitiator.session, let acceptor = pair.atAcceptor.session else {
      throw pair.atInitiator.error ?? pair.atAcceptor.error ?? .timedOut
    }
    return (initiator, acceptor)
  }
}
