/// The bytes of a hexadecimal text, as the RFCs write them.
func bytes(_ hexadecimal: String) -> [UInt8] {
  var result: [UInt8] = []
  var rest = Substring(hexadecimal)
  while !rest.isEmpty {
    result.append(UInt8(rest.prefix(2), radix: 16)!)
    rest = rest.dropFirst(2)
  }
  return result
}
