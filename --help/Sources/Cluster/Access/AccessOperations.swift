/// What the access list permits or denies, as a set.
public struct AccessOperations: OptionSet, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let get = AccessOperations(rawValue: 1 << 0)
  public static let put = AccessOperations(rawValue: 1 << 1)
  public static let delete = AccessOperations(rawValue: 1 << 2)
  /// To ask for the state of the cluster.
  public static let status = AccessOperations(rawValue: 1 << 3)
  /// To change the cluster itself: to drain a drone, to accept a loss.
  public static let administer = AccessOperations(rawValue: 1 << 4)

  /// Those that concern one key, and so may be given for some keys only.
  public static let onKeys: AccessOperations = [.get, .put, .delete]
  /// Those that concern the whole cluster.
  public static let onCluster: AccessOperations = [.status, .administer]
  public static let all: AccessOperations = [.get, .put, .delete, .status, .administer]

  /// Each by its letter in the list and its name in sentences, in that order.
  public static let named: [(letter: UInt8, operation: AccessOperations, name: String)] = [
    (UInt8(ascii: "r"), .get, "get"), (UInt8(ascii: "w"), .put, "put"),
    (UInt8(ascii: "d"), .delete, "delete"), (UInt8(ascii: "s"), .status, "status"),
    (UInt8(ascii: "a"), .administer, "administer"),
  ]

  /// As in the list: `rw`, `*` for all, `-` for none.
  public var description: String {
    if self == .all { return "*" }
    if isEmpty { return "-" }
    return String(
      decoding: Self.named.filter { contains($0.operation) }.map(\.letter), as: UTF8.self)
  }
}
