import Wire

/// A request that reads a key, in place.
public struct ReadRequest {
  public let kind: ReadKind
  public let number: UInt64
  public let key: UnsafeRawBufferPointer

  public init(_ kind: ReadKind, number: UInt64, key: UnsafeRawBufferPointer) {
    (self.kind, self.number, self.key) = (kind, number, key)
  }

  static let itemCount = 3

  @inline(__always)
  init(_ kind: ReadKind, from reader: inout CBORReader) throws(CBORError) {
    self.init(kind, number: try reader.readUnsigned(), key: try reader.readBytes())
  }

  func encode(into writer: inout CBORWriter) {
    writer.beginArray(Self.itemCount)
    writer.write(unsigned: kind.rawValue)
    writer.write(unsigned: number)
    writer.write(bytes: key)
  }
}

/// A request that writes a key, in place.
public struct WriteRequest {
  public let kind: WriteKind
  public let number: UInt64
  /// The client's number of this write, counted up over all partitions.
  public let write: UInt64
  /// An earlier attempt of it may have been executed.
  public let isRetry: Bool
  /// What has to be true before it is answered; nil: what the cluster's configuration says.
  public let level: AcknowledgementLevel?
  public let key: UnsafeRawBufferPointer
  /// Nil: the key shall have no value; and where the operation has no such operand.
  public let expected: UnsafeRawBufferPointer?
  /// What is to be stored; nil where the operation stores nothing.
  public let value: UnsafeRawBufferPointer?

  public init(
    _ kind: WriteKind, number: UInt64, write: UInt64, retry: Bool, level: AcknowledgementLevel?,
    key: UnsafeRawBufferPointer, expected: UnsafeRawBufferPointer? = nil, value: UnsafeRawBufferPointer? = nil
  ) {
    self.kind = kind
    self.number = number
    self.write = write
    isRetry = retry
    self.level = level
    self.key = key
    self.expected = expected
    self.value = value
  }

  static func itemCount(of kind: WriteKind) -> Int { 6 + kind.operation.operands.count }

  @inline(__always)
  init(_ kind: WriteKind, from reader: inout CBORReader) throws(CBORError) {
    self.kind = kind
    let operands = kind.operation.operands
    number = try reader.readUnsigned()
    write = try reader.readUnsigned()
    isRetry = try reader.readBool()
    level = try reader.readOptional(AcknowledgementLevel.self)
    key = try reader.readBytes()
    if operands.contains(.expected) {
      expected = try reader.readNull() ? nil : try reader.readBytes()
    } else {
      expected = nil
    }
    value = operands.contains(.value) ? try reader.readBytes() : nil
  }

  func encode(into writer: inout CBORWriter) {
    let operands = kind.operation.operands
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    let strings = key.count + (expected?.count ?? 0) + (value?.count ?? 0)
    writer.write(atMost: 9 * CBORWriter.longestHead + strings) { writer in
      writer.beginArray(Self.itemCount(of: kind))
      writer.write(unsigned: kind.rawValue)
      writer.write(unsigned: number)
      writer.write(unsigned: write)
      writer.write(bool: isRetry)
      if let level { writer.write(unsigned: level.rawValue) } else { writer.writeNull() }
      writer.write(bytes: key)
      if operands.contains(.expected) {
        if let expected { writer.write(bytes: expected) } else { writer.writeNull() }
      }
      if operands.contains(.value) { writer.write(bytes: value ?? nothing) }
    }
  }
}
