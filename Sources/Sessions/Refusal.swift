/// Why an acceptor would not open a session, as it tells the peer.
///
/// Nobody has authenticated it: somebody between the two could have written it. It helps a person to find
/// the mistake; a program changes nothing because of it.
public struct Refusal: Equatable, Sendable {
  public var code: RefusalCode
  public var sentence: String
  public var description: NodeDescription

  public init(code: RefusalCode, sentence: String, description: NodeDescription) {
    self.code = code
    self.sentence = sentence
    self.description = description
  }
}

/// The kinds of refusal on the wire.
public enum RefusalCode: UInt8, Sendable {
  case unsupportedVersion = 1
  case wrongCluster = 2
  case unknownService = 3
  case noCommonSuite = 4
  /// The ticket or the authenticator was not accepted (expired, replayed, another key, another realm).
  case ticketRefused = 5
  /// The security context lacks a property that the protocol needs.
  case contextRefused = 6
  /// The peer is who it says, and is not let in here.
  case notAuthorized = 7
  case tooManyConnections = 8
  /// A code of a later version.
  case other = 255
}
