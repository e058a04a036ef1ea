import Wire

/// The text of an access list with the number under which the authority keeps it: authority → drone.
public struct NumberedAccessList: Hashable, Sendable {
  /// Counts up with each change of the text, over all lives of the authority; 0 is none.
  public let version: UInt64
  public let text: [UInt8]

  public init(version: UInt64, text: [UInt8]) {
    self.version = version
    self.text = text
  }
}

/// The access list as the commander of a term puts it in force. (term, version) orders all of a cluster.
public struct PublishedAccessList: Hashable, Sendable {
  public let cluster: String
  public let term: Term
  /// The authority's number of the text.
  public let version: UInt64
  /// Seconds since 1970 after which nobody should take it for new.
  public let expiry: Int64
  public let text: [UInt8]

  public init(cluster: String, term: Term, version: UInt64, expiry: Int64, text: [UInt8]) {
    self.cluster = cluster
    self.term = term
    self.version = version
    self.expiry = expiry
    self.text = text
  }
}

/// An access list as it travels to the drones.
public typealias SignedAccessList = Signed<PublishedAccessList>

extension PublishedAccessList: SignedContent {
  public static var context: String { "keyval/1 access list" }
  public static var maximumBodyLength: Int { AccessList.maximumLength + 1_024 }
  /// The certificate says who signed it.
  public var signer: Principal? { nil }
}

extension NumberedAccessList: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(2)
    writer.write(unsigned: version)
    writer.write(bytes: text)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 2)
    self.init(
      version: try reader.readUnsigned(), text: try reader.readByteArray(maximum: AccessList.maximumLength))
  }
}

extension PublishedAccessList: WireMessage {
  public func encode(into writer: inout CBORWriter) {
    writer.beginArray(5)
    writer.write(text: cluster)
    term.encode(into: &writer)
    writer.write(unsigned: version)
    writer.write(integer: expiry)
    writer.write(bytes: text)
  }

  public init(from reader: inout CBORReader) throws(CBORError) {
    try reader.readArrayHeader(exactly: 5)
    self.init(
      cluster: try reader.readText(), term: try Term(from: &reader), version: try reader.readUnsigned(),
      expiry: try reader.readInteger(), text: try reader.readByteArray(maximum: AccessList.maximumLength))
  }
}
