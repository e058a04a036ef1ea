/// `[2, number, write, retry, level, key]`: removes a key and its value.
public enum Delete: WriteOperation {
  public static var name: String { "delete" }
  public static var rights: AccessOperations { .delete }
  public static var operands: WriteOperands { [] }

  public static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect {
    WriteEffect(.delete, .written(existed: current != nil))
  }
}
