/// `[0, number, key]`: the value of a key.
public enum Get: ReadOperation {
  public static var name: String { "get" }
  public static var rights: AccessOperations { .get }
  public static var isSecured: Bool { false }

  public static func answer(
    number: UInt64, _ value: UnsafeRawBufferPointer, _ version: () -> Version
  ) -> DataAnswer {
    .value(number: number, value)
  }
}
