/// What a store that has failed asks of whoever uses it. Nothing of the transaction is stored, whichever it is, so that
/// nothing of it was acknowledged.
public enum StoreTrouble: Hashable, Sendable {
  /// It may work the next time with nobody's help: another process had the file, or memory was short.
  case passing
  /// Nothing is stored until somebody has mended something. Then it goes on by itself.
  case waiting
  /// Something cannot be read, or not be done: what needs it fails, all else goes on.
  case partial
  /// Going on with the store as it is open now would help nobody.
  case final
}

/// Why a transaction came to nothing.
public struct StoreFailure: Hashable, Sendable {
  public let trouble: StoreTrouble
  /// What drones are told: neither the file nor what the disk said.
  public let told: String

  public init(_ trouble: StoreTrouble, told: String) {
    self.trouble = trouble
    self.told = told
  }
}

/// A row that is not as it was written, and whose partitions therefore are not as well off as others.
public struct DamagedRow: Hashable, Sendable, CustomStringConvertible {
  public let table: String
  /// Those that need it.
  public let partitions: PartitionSet
  /// What it had was found elsewhere: nothing is missing. Else nobody can write these partitions or open them.
  public let isRestored: Bool

  public init(table: String, partitions: PartitionSet, isRestored: Bool) {
    self.table = table
    self.partitions = partitions
    self.isRestored = isRestored
  }

  public var description: String {
    "a row of the table ‘\(table)’, of the partitions \(partitions), is not as it was written: "
      + (isRestored
        ? "what it had was found in the log and the keyed table; check the disk"
        : "nobody can write them or open them; check the disk, and restore the row from a backup")
  }
}
