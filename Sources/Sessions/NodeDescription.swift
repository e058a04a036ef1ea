import Wire

/// What a node says of itself to anybody who asks, with or without a ticket.
///
/// Unauthenticated: a hint for a person ("type `kinit alice@REALM`"), never adopted by a program.
public struct NodeDescription: Equatable, Sendable, WireMessage {
  public var cluster: String
  public var realm: String
  /// The service principals that the node answers for.
  public var principals: [String]
  /// `drone`, `database` or `authority`.
  public var role: String
  public var softwareVersion: String
  /// Principal of the drone that the node believes to be commander, and that one's address, if any.
  public var commanderHint: String?
  /// The address at which the node believes to be reached.
  public var address: String

  public init(
    cluster: String, realm: String, principals: [String], role: String, softwareVersion: String,
    commanderHint: String? = nil, address: String
  ) {
    self.cluster = cluster
    self.realm = realm
    self.principals = principals
    self.role = role
    self.softwareVersion = softwareVersion
    self.commanderHint = commanderHint
    self.address = address
  }

  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(7)
    writer.write(text: cluster)
    writer.write(text: realm)
    writer.beginArray(principals.count)
    for principal in principals { writer.write(text: principal) }
    writer.write(text: role)
    writer.write(text: softwareVersion)
    if let commanderHint { writer.write(text: commanderHint) } else { writer.writeNull() }
    writer.write(text: address)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    let limits = SessionLimits()
    try reader.readArrayHeader(exactly: 7)
    cluster = try reader.readPrintableText(maximum: limits.nameBytes)
    realm = try reader.readPrintableText(maximum: limits.nameBytes)
    principals = []
    for _ in 0..<(try reader.readArrayHeader(maximum: limits.listedPrincipals)) {
      principals.append(try reader.readPrintableText(maximum: limits.nameBytes))
    }
    role = try reader.readPrintableText(maximum: limits.nameBytes)
    softwareVersion = try reader.readPrintableText(maximum: limits.nameBytes)
    commanderHint = try reader.readNull() ? nil : try reader.readPrintableText(maximum: limits.nameBytes)
    address = try reader.readPrintableText(maximum: limits.nameBytes)
  }
}

extension CBORReader {
  /// Text of a peer that nobody has authenticated: it will meet a terminal or a log, so control characters
  /// (escape sequences, line breaks, bidirectional overrides) are refused.
  mutating func readPrintableText(maximum: Int) throws(CBORError) -> String {
    let start = offset
    let text = try readText(maximum: maximum)
    guard text.unicodeScalars.allSatisfy(isPrintable) else { throw .invalidText(offset: start) }
    return text
  }
}

func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  // Nearly all are, and the tables of Unicode take their time.
  if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7f }
  return switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
  default: true
  }
}
