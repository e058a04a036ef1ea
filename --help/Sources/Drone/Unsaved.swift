/// What the database does not have yet of a drone that is about to end.
public struct Unsaved: Equatable, Sendable {
  public var records = 0
  /// Of these records, about.
  public var bytes = 0
  /// Partitions whose records it lacks.
  public var partitions = 0
  /// Partitions of which it has every record, and where it still lists copies in sync: whoever opens them would ask for
  /// a memory that is gone.
  public var lists = 0
  /// Milliseconds since the oldest record came.
  public var age: Int64 = 0

  public init() {}

  public var isEmpty: Bool { partitions == 0 && lists == 0 }

  public static func + (left: Unsaved, right: Unsaved) -> Unsaved {
    var sum = Unsaved()
    sum.records = left.records + right.records
    sum.bytes = left.bytes + right.bytes
    sum.partitions = left.partitions + right.partitions
    sum.lists = left.lists + right.lists
    sum.age = max(left.age, right.age)
    return sum
  }
}
