/// `[1, number, write, retry, level, key, value]`: stores a value.
public enum Put: WriteOperation {
  public static var name: String { "put" }
  public static var rights: AccessOperations { .put }
  public static var operands: WriteOperands { .value }

  public static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect {
    WriteEffect(request.value.map { .put(value: $0) } ?? .nothing, .written(existed: current != nil))
  }
}
