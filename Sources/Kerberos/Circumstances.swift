import CKerberos

/// Whom and what an operation concerned; turns a bare code of the library into a sentence.
struct Circumstances {
  /// What was being done, as "getting a ticket".
  var action: String
  /// The principal that acts.
  var client: String?
  /// The service principal that is asked for or accepts.
  var service: String?
  /// The keytab or credential cache in use.
  var file: String?
  /// How far the KDC's clock is ahead of this one's, in seconds, when known.
  var clockDifference: Int64?
  /// Whether `service` is this process, and the client a peer whose name nothing has proved yet.
  var isAcceptor = false

  init(
    _ action: String, client: String? = nil, service: String? = nil, file: String? = nil
  ) {
    self.action = action
    self.client = client
    self.service = service
    self.file = file
  }

  private var clientWords: String { client ?? "the client" }
  private var serviceWords: String { service ?? "the service" }
  private var fileWords: String { file.map { " (\($0))" } ?? "" }

  private func realm(of principal: String?) -> String? {
    guard let principal, let at = principal.lastIndex(of: "@") else { return nil }
    return String(principal[principal.index(after: at)...])
  }

  private var realmWords: String {
    (realm(of: service) ?? realm(of: client)).map { "realm \($0)" } ?? "the realm"
  }

  private var kinit: String { "type: kinit\(client.map { " \($0)" } ?? "")" }

  func error(code: krb5_error_code, message: String) -> KerberosError {
    error(KerberosErrorCode.reason(of: code), code: code, message: message)
  }

  func error(_ reason: KerberosError.Reason, code: krb5_error_code, message: String) -> KerberosError {
    var reason = reason
    // What the KDC does not know is the way to the other realm, not the service there.
    if reason == .serviceUnknown, message.contains("krbtgt/") { reason = .wrongRealm }
    let isEarly = code == krb5_error_code(truncatingIfNeeded: Int(KRB5KRB_AP_ERR_TKT_NYV))
    let words =
      switch (reason, isAcceptor) {
      case (.ticketExpired, true): presentedTicketSentence(isEarly, message)
      case (.ticketExpired, false) where isEarly: earlyTicketSentence(message)
      default: sentence(reason, message)
      }
    return KerberosError(reason, code: code, words)
  }

  private func earlyTicketSentence(_ message: String) -> String {
    "\(action) failed: the ticket of \(clientWords)\(fileWords) is not valid yet (\(message)). The clock of this machine "
      + "is behind that of the KDC: set it."
  }

  private func sentence(_ reason: KerberosError.Reason, _ message: String) -> String {
    let lead = "\(action) failed: "
    switch reason {
    case .noTicket:
      return "There is no ticket\(fileWords) for \(serviceWords); \(kinit)"
    case .otherPrincipal:
      return "The tickets\(fileWords) are another principal's, and not those of \(clientWords); \(kinit)"
    case .ticketExpired:
      return "The ticket of \(clientWords)\(fileWords) has expired; \(kinit)"
    case .kdcUnreachable:
      return lead + "no KDC of \(realmWords) answers (\(message)). Check that it runs and that the realm's "
        + "kdc lines in the file named by KRB5_CONFIG are right."
    case .policyRejects:
      return lead + "the KDC's policy refuses \(clientWords) a ticket for \(serviceWords) (\(message))."
    case .clientUnknown:
      return lead + "the KDC does not know \(clientWords) (\(message)). Check the name, or enroll it."
    case .serviceUnknown:
      return lead + "the KDC of \(realmWords) does not know the service \(serviceWords) (\(message))."
    case .clientExpired:
      return lead + "the entry of \(clientWords) has expired in the KDC's database (\(message)). "
        + "Ask the operator to enroll it anew."
    case .clientLocked:
      return lead
        + "the KDC has locked \(clientWords) (\(message)). After too many wrong passwords that is over "
        + "within minutes; else ask the operator (kadmin.local getprinc, modprinc -unlock)."
    case .clockSkew:
      return lead + "the clocks of \(clientWords) and \(serviceWords) differ by more than the realm allows"
        + "\(clockWords) (\(message)). Set this machine's clock by NTP."
    case .replay:
      return lead
        + "the request of \(clientWords) to \(serviceWords) was seen before (\(message)). An honest "
        + "initiator makes a new one each time."
    case .wrongKeyVersion:
      return lead + "\(serviceWords) has no key\(fileWords) for this ticket (\(message)). After a new key, "
        + "the initiator gets a new ticket; otherwise the keytab is out of date."
    case .wrongTarget:
      return lead + "the token is not for \(serviceWords)\(fileWords) (\(message))."
    case .wrongRealm:
      return lead + "there is no way from \(clientWords) to \(serviceWords): \(message). Check the realm's "
        + "name, or the trust between the realms."
    case .preauthenticationFailed:
      return lead + "the KDC refuses the password or key of \(clientWords)\(fileWords) (\(message))."
    case .passwordExpired:
      return lead + "the password of \(clientWords) must be changed first (\(message))."
    case .certificateRefused:
      return lead + "the KDC refuses the certificate of \(clientWords) (\(message))."
    case .certificateUnusable:
      return lead + "the certificate of \(clientWords), or the KDC's, does not verify here (\(message)). "
        + "Check the realm's pkinit_anchors."
    case .channelBindingMismatch:
      return lead + "the token of \(clientWords) is bound to another connection than this one "
        + "(\(message))."
    case .badToken:
      return lead + "the peer's token is no sound Kerberos token for \(serviceWords) (\(message))."
    case .encryptionType:
      return lead + "no common encryption type between \(clientWords) and \(serviceWords) (\(message)). "
        + "The realm permits aes256-cts-hmac-sha384-192."
    case .unusableFile:
      return lead + "\(file ?? "a file") cannot be used (\(message))."
    case .notPermitted:
      return lead + "kadmind gives \(clientWords) no right to do this (\(message)). See kadm5.acl."
    case .alreadyExists:
      return lead + "\(serviceWords) exists already (\(message))."
    case .burnt, .badArgument, .other:
      return lead + "\(message) (client \(clientWords), service \(serviceWords)\(fileWords))."
    }
  }

  /// About a ticket that a peer has presented: its name is not told by the library, and what ends the matter is
  /// the peer's to do, not this service's.
  private func presentedTicketSentence(_ isEarly: Bool, _ message: String) -> String {
    "\(action) failed: the ticket that it presented for \(serviceWords) "
      + "\(isEarly ? "is not valid yet" : "has expired") (\(message)). A person gets a new one from the KDC of \(realmWords) "
      + "by kinit, a node by its keytab; where the ticket looks valid to the client, compare the two machines' "
      + "clocks."
  }

  private var clockWords: String {
    guard let clockDifference else { return "" }
    let direction = clockDifference >= 0 ? "ahead of" : "behind"
    return " (the KDC's is \(clockDifference.magnitude) s \(direction) this machine's)"
  }
}
