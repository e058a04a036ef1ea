/// `[2, number, write, retry, level, key]`: removes a key and its value.
public enum Delete: WriteOperation {
  public static let name = "delete"
  public static let rights = AccessOperations.delete
  public static let operands: WriteOperands = []

  public static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect {
    WriteEffect(.delete, .written(existed: current != nil))
  }
}
