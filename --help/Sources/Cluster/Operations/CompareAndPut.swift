/// `[7, number, write, retry, level, key, expected, value]`: a put that is executed only if the key has exactly the
/// expected value, or with null only if it has none.
public enum CompareAndPut: WriteOperation {
  public static var name: String { "compare-and-put" }
  /// Its answer tells something of the value that was there.
  public static var rights: AccessOperations { [.get, .put] }
  public static var operands: WriteOperands { [.expected, .value] }

  public static func effect(of request: WriteRequest, on current: UnsafeRawBufferPointer?) -> WriteEffect {
    let isExpected =
      switch (current, request.expected) {
      case (let current?, let expected?): current.elementsEqual(expected)
      case (nil, nil): true
      case (_?, nil), (nil, _?): false
      }
    guard isExpected, let value = request.value else {
      return WriteEffect(.nothing, .compared(matched: false))
    }
    return WriteEffect(.put(value: value), .compared(matched: true))
  }
}
