/// Whom a service lets in, beyond having a ticket for it, and when a session with it ends.
public struct AcceptorPolicy: Equatable, Sendable {
  /// Authentication indicators of which the ticket must bear none.
  public var refusedIndicators: [String]
  /// Authentication indicators of which the ticket must bear all.
  public var requiredIndicators: [String]
  /// Whether the session ends with its ticket (and ``SessionLimits/sessionTime``). A session that ends with
  /// something else, such as a term, is closed by the layer above.
  public var endsWithTicket: Bool

  public init(refusedIndicators: [String], requiredIndicators: [String], endsWithTicket: Bool) {
    self.refusedIndicators = refusedIndicators
    self.requiredIndicators = requiredIndicators
    self.endsWithTicket = endsWithTicket
  }

  /// The KDC's mark on tickets got with an election certificate.
  public static let commanderIndicator = "commander"

  /// Every service but the command service: the election's tickets are good for nothing else.
  public static let standard = AcceptorPolicy(
    refusedIndicators: [commanderIndicator], requiredIndicators: [], endsWithTicket: true)

  /// `keyval-command/*`: only with the election's ticket, whose minute bounds only the opening.
  public static let command = AcceptorPolicy(
    refusedIndicators: [], requiredIndicators: [commanderIndicator], endsWithTicket: false)

  func check(_ properties: SecurityProperties) throws(SessionError) {
    for indicator in refusedIndicators where properties.authenticationIndicators.contains(indicator) {
      throw .indicatorRefused(indicator, peer: properties.peer, service: properties.local)
    }
    for indicator in requiredIndicators where !properties.authenticationIndicators.contains(indicator) {
      throw .indicatorMissing(indicator, peer: properties.peer, service: properties.local)
    }
  }
}
