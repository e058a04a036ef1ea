/// `[10, number, key]`: the value of a key and its version, which no other value of this key ever has. It is answered
/// when what it tells is in its second place, so that nobody goes by a version that is lost and given again.
public enum GetVersion: ReadOperation {
  public static var name: String { "get with version" }
  public static var rights: AccessOperations { .get }
  public static var isSecured: Bool { true }

  public static func answer(
    number: UInt64, _ value: UnsafeRawBufferPointer, _ version: () -> Version
  ) -> DataAnswer {
    .versioned(number: number, value, version())
  }
}
