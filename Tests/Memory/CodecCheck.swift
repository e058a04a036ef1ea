import Cluster
import Wire

/// The codec of items: what is written is read, and what was cut off or altered is refused or read within its bytes.
enum CodecCheck {
  static func run(_ steps: Int, _ random: inout SplitMix) {
    var writer = CBORWriter()
    for _ in 0..<steps {
      writer.removeAll()
      let numbers = (0..<Int(random.next(in: 1...6))).map { _ in
        random.next() >> UInt64(random.next(in: 0...63))
      }
      let text = [UInt8](repeating: 0x61, count: Int(random.next(in: 0...70)))
      writer.beginArray(numbers.count)
      for number in numbers { writer.write(unsigned: number) }
      writer.write(bytes: text)
      let bytes = writer.bytes
      require(
        (try? read(bytes)).map { $0.0 == numbers && $0.1 == text } ?? false, "the codec reads something else")
      // In memory of just that length, so that a byte behind it is nobody's.
      var damaged = Array(bytes.prefix(Int(random.next(in: 0...Int64(bytes.count)))))
      if !damaged.isEmpty {
        damaged[Int(random.next(in: 0...Int64(damaged.count - 1)))] = UInt8(random.next(in: 0...255))
      }
      _ = try? read(damaged)
      let first = Int(random.next(in: 0...Int64(bytes.count)))
      writer.removeFirst(first)
      let length = Int(random.next(in: 0...Int64(writer.count)))
      writer.truncate(to: length)
      require(writer.bytes[...] == bytes[first..<first + length], "what was cut off took more with it")
    }
  }

  private static func read(_ bytes: [UInt8]) throws -> ([UInt64], [UInt8]) {
    let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { exact.deallocate() }
    exact.copyBytes(from: bytes)
    var reader = CBORReader(UnsafeRawBufferPointer(exact))
    var numbers: [UInt64] = []
    for _ in 0..<(try reader.readArrayHeader()) { numbers.append(try reader.readUnsigned()) }
    return (numbers, try reader.readByteArray())
  }
}
