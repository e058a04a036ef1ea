import Wire

/// A record of a log in place: key and value point into bytes that somebody else keeps.
///
/// On the wire it is an array that begins with its kind. The only one is 1, a write:
/// `[1, key, change, client, write, outcome, digest]`, where the change is a value, null for a delete, or false for
/// nothing; the digest may be missing.
public struct LogRecordView {
  public enum Kind {
    public static let write: UInt64 = 1
  }

  public enum Change {
    case put(value: UnsafeRawBufferPointer)
    case delete
    case nothing
  }

  public let key: UnsafeRawBufferPointer
  public let change: Change
  public let client: ClientIncarnation
  public let write: UInt64
  public let outcome: Outcome
  public let digest: UInt32?

  public init(
    key: UnsafeRawBufferPointer, change: Change, client: ClientIncarnation, write: UInt64, outcome: Outcome,
    digest: UInt32?
  ) {
    self.key = key
    self.change = change
    self.client = client
    self.write = write
    self.outcome = outcome
    self.digest = digest
  }

  /// What is put; nil when nothing is.
  public var value: UnsafeRawBufferPointer? {
    guard case .put(let value) = change else { return nil }
    return value
  }

  public var changesNothing: Bool {
    guard case .nothing = change else { return false }
    return true
  }

  /// What it takes on the wire at most, in bytes.
  public var approximateLength: Int { key.count + (value?.count ?? 0) + 48 }

  /// What is kept of it when a later record has overwritten its key: who asked for it, and what was answered. The change
  /// and the key are gone.
  public var outcomeAlone: LogRecordView {
    LogRecordView(
      key: UnsafeRawBufferPointer(start: nil, count: 0), change: .nothing, client: client, write: write,
      outcome: outcome, digest: digest)
  }

  /// The same with bytes of its own.
  public var record: LogRecord {
    let copied: LogRecord.Change =
      switch change {
      case .put(let value): .put(value: [UInt8](value))
      case .delete: .delete
      case .nothing: .nothing
      }
    return LogRecord(
      key: [UInt8](key), change: copied, client: client, write: write, outcome: outcome, digest: digest)
  }
}

extension LogRecordView {
  private static let fields = 5

  public func encode(into writer: inout CBORWriter) {
    // Two arrays, two strings, six numbers and an outcome.
    let heads = 11 * CBORWriter.longestHead + Outcome.longest
    writer.write(atMost: heads + key.count + (value?.count ?? 0)) { writer in
      writer.beginArray(1 + Self.fields + (digest == nil ? 0 : 1))
      writer.write(unsigned: Kind.write)
      writer.write(bytes: key)
      switch change {
      case .put(let value): writer.write(bytes: value)
      case .delete: writer.writeNull()
      case .nothing: writer.write(bool: false)
      }
      client.encode(into: &writer)
      writer.write(unsigned: write)
      outcome.encode(into: &writer)
      if let digest { writer.write(unsigned: UInt64(digest)) }
    }
  }

  /// Reads the next record. Logs of before there were kinds have writes that begin with the key.
  public init(from reader: inout CBORReader) throws(CBORError) {
    let start = reader.offset
    var count = try reader.readArrayHeader(maximum: 2 + Self.fields)
    if reader.isUnsignedNext {
      let kind = try reader.readUnsigned()
      guard kind == Kind.write else { throw .unknownKind("a record of a log", kind: kind) }
      count -= 1
    }
    guard count == Self.fields || count == Self.fields + 1 else {
      throw .outOfRange(field: "the number of items", offset: start)
    }
    key = try reader.readBytes(maximum: Limits.maximumKeyLength)
    change = try Change(from: &reader)
    client = try ClientIncarnation(from: &reader)
    write = try reader.readUnsigned()
    outcome = try Outcome(from: &reader)
    digest = count > Self.fields ? try reader.readDigest() : nil
  }
}

extension LogRecordView.Change {
  fileprivate init(from reader: inout CBORReader) throws(CBORError) {
    if try reader.readNull() {
      self = .delete
    } else if try reader.readFalse() {
      self = .nothing
    } else {
      self = .put(value: try reader.readBytes(maximum: Limits.maximumValueLength))
    }
  }
}
