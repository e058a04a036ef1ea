/// Who keeps the authority's register: one row of it, replaced by compare-and-set only.
///
/// Several processes may stand by for one authority, with its principal and its register; the one that is named here
/// is active. It counts the row up as long as it lives, and whoever sees the count stand still for long enough may put
/// himself in its place.
public struct TenureRecord: Hashable, Sendable {
  /// The incarnation that is active; nil when the last one has given its tenure back, or there never was one.
  public let holder: Incarnation?
  /// Goes up with every change, so that no earlier state of the row comes back.
  public let counter: UInt64

  public init(holder: Incarnation?, counter: UInt64) {
    self.holder = holder
    self.counter = counter
  }

  public static let vacant = TenureRecord(holder: nil, counter: 0)

  /// The record that may take this one's place.
  public func followed(by holder: Incarnation?) -> TenureRecord {
    TenureRecord(holder: holder, counter: counter &+ 1)
  }
}
