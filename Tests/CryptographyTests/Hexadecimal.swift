/// The bytes that hexadecimal digits stand for; test vectors are written so.
func hex(_ digits: String) -> [UInt8] {
  let values = digits.compactMap { $0.hexDigitValue }
  precondition(values.count == digits.count && values.count % 2 == 0, "not hexadecimal")
  return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}
