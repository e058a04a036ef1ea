/// `[1, number, write, retry, level, key, value]`: stores a value.
public enum Put: WriteOperation {
  public static let name = "put"
  public static let rights = AccessOperations.put
  public static let operands = WriteOperands.value

  public static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect {
    WriteEffect(request.value.map { .put(value: $0) } ?? .nothing, .written(existed: current != nil))
  }
}
