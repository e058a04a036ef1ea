/// `[0, number, key]`: the value of a key.
public enum Get: ReadOperation {
  public static let name = "get"
  public static let rights = AccessOperations.get
  public static let isSecured = false

  public static func answer(
    number: UInt64, _ value: UnsafeRawBufferPointer, _ version: () -> Version
  ) -> DataAnswer {
    .value(number: number, value)
  }
}
