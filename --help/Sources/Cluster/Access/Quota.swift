/// How much may be stored under a prefix when a principal puts a value by one line of the access list.
public struct Quota: Hashable, Sendable {
  /// The place of the line's prefix in `AccessList.countedPrefixes`.
  public let place: Int
  public let keys: Int?
  public let bytes: Int?
  /// The list that the place is of, as whoever installed it numbers it.
  public var edition: UInt64 = 0

  /// More than any cluster has.
  static let range = 1...(1 << 50)

  public init(place: Int, keys: Int?, bytes: Int?, edition: UInt64 = 0) {
    self.place = place
    self.keys = keys
    self.bytes = bytes
    self.edition = edition
  }
}
