/// What a line of the access list limits; nil: nothing.
public struct LineLimits: Hashable, Sendable, CustomStringConvertible {
  /// Requests on keys a second, of each principal at each drone.
  public var requests: Int?
  /// How many keys may begin with the line's prefix, in the whole cluster and whoever put them, when a principal puts
  /// another by this line.
  public var keys: Int?
  /// The same of the bytes of these keys and their values.
  public var bytes: Int?

  public init(requests: Int? = nil, keys: Int? = nil, bytes: Int? = nil) {
    self.requests = requests
    self.keys = keys
    self.bytes = bytes
  }

  /// As it is written in a line.
  struct Name: Sendable {
    let text: String
    let limit: any WritableKeyPath<LineLimits, Int?> & Sendable
    let range: ClosedRange<Int>
  }

  static let names = [
    Name(text: "requests", limit: \.requests, range: RequestLimit.range),
    Name(text: "keys", limit: \.keys, range: Quota.range),
    Name(text: "bytes", limit: \.bytes, range: Quota.range),
  ]

  public var isEmpty: Bool { self == LineLimits() }

  public var description: String {
    Self.names.compactMap { name in self[keyPath: name.limit].map { "\(name.text)=\($0)" } }
      .joined(separator: " ")
  }
}
