import Kerberos
import Logging
import NIOCore
import Sessions

/// Puts a handshake on each new connection of a listener, and says who may stay.
struct Acceptor: Sendable {
  private let configuration: SessionListener.Configuration
  private let children: ChildChannels
  private let handler: SessionHandlerFactory
  private let door: Door
  let register: SessionRegister
  private let services: [AcceptorHandshake.Service]
  private let credentials: [String: AcceptorCredentialProvider]
  private let replayed = ReplayedTokens()

  init(
    _ configuration: SessionListener.Configuration, _ children: ChildChannels,
    _ handler: @escaping SessionHandlerFactory
  ) {
    self.configuration = configuration
    self.children = children
    self.handler = handler
    door = Door(configuration.limits)
    register = SessionRegister(configuration.limits, configuration.logger)
    services = configuration.services.map { service in
      AcceptorHandshake.Service(principal: service.principal, policy: service.policy)
    }
    credentials = Dictionary(
      configuration.services.map { ($0.principal, $0.credential) }, uniquingKeysWith: { first, _ in first })
  }

  func accept(_ channel: any Channel) throws {
    let source = Source(channel.remoteAddress)
    let isMember = configuration.members.contains(source)
    let core = AcceptorHandshake.Configuration(
      cluster: configuration.cluster, description: configuration.describe(), services: services,
      suites: configuration.suites, limits: configuration.limits)
    let steps = SecurityContextSteps(
      accepting: configuration.threads, from: source, isMember: isMember, credentials: credentials,
      replayed: replayed)
    children.add(channel)
    let id = door.enter(channel, from: source, isMember: isMember)
    let remote = channel.remoteAddress.map { "\($0)" } ?? "?"
    let threshold = HandshakeHandler.Threshold(
      spoke: { [door] in door.speak(id) }, admit: { admit($0, on: $1, from: source) },
      isNode: configuration.isNode,
      logger: configuration.logger)
    try channel.pipeline.syncOperations.addHandler(
      HandshakeHandler(
        acceptor: AcceptorHandshake(configuration: core, entropy: try .generate()), steps: steps,
        limits: configuration.limits, held: configuration.held, door: threshold, makeHandler: handler,
        report: { [door, configuration] outcome in
          // Who was refused stays counted in until the connection is gone.
          if case .established = outcome { door.leave(id) }
          Self.log(outcome, remote: remote, configuration.logger)
          Self.tell(outcome, remote: remote, configuration.observe)
        }))
  }

  private func admit(_ session: Session, on channel: any Channel, from source: Source) -> TooManySessions? {
    if session.isNode { configuration.members.insert(source) }
    return register.enter(
      session, on: channel,
      SessionCensus.Holder(principal: session.identity.peer, source: source, isNode: session.isNode))
  }

  /// What became of accepting as such.
  func noted(_ event: AcceptPauseHandler.Event) {
    switch event {
    case .paused(let error, let isFirst):
      door.makeRoom()
      guard isFirst else { break }
      configuration.logger.error(
        "accepting no connections for a moment: the process has too many files and connections open, or no memory",
        metadata: ["reason": "\(error)", "handshakes": "\(door.count)", "sessions": "\(register.count)"])
    case .accepting: configuration.logger.notice("accepting connections again")
    }
  }

  private static func log(_ outcome: HandshakeHandler.Outcome, remote: String, _ logger: Logger) {
    switch outcome {
    case .established(let session):
      logger.debug(
        "session accepted",
        metadata: [
          "principal": "\(session.identity.peer)", "remote": "\(remote)", "session": "\(session.id)",
        ])
    case .answered, .described: logger.debug("hello answered", metadata: ["remote": "\(remote)"])
    // Whoever refuses it says why.
    case .refused: break
    case .failed(.session(.tooManyConnections)):
      logger.warning(
        "connection refused: too many wait for their handshake", metadata: ["remote": "\(remote)"])
    case .failed(let error):
      logger.info("handshake failed", metadata: ["remote": "\(remote)", "reason": "\(error)"])
    }
  }

  private static func tell(
    _ outcome: HandshakeHandler.Outcome, remote: String,
    _ observe: @escaping @Sendable (SessionListenerEvent) -> Void
  ) {
    switch outcome {
    case .answered, .described: break
    case .failed(let error): observe(.failed(remote: remote, error))
    case .refused(let session, let error): observe(.refused(session.identity, remote: remote, error))
    case .established(let session):
      observe(.accepted(session.identity, remote: remote))
      session.onEnd { [identity = session.identity] error in
        observe(.ended(identity, remote: remote, error))
      }
    }
  }
}
