import Cluster
import Testing
import Wire

@testable import Drone

@Suite("The log of a partition") struct WriteLogTests {
  private func record(_ number: UInt64, _ random: inout SplitMix) -> LogRecord {
    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(random.next(in: 1...300)))
    let change: LogRecord.Change =
      switch random.next(in: 0...4) {
      case 0: .delete
      case 1: .nothing
      default: .put(value: bytes)
      }
    return LogRecord(
      key: Array("\(number)".utf8), change: change, client: ClientIncarnation(high: number % 3, low: number),
      write: number, outcome: .written(existed: number % 2 == 0 ? nil : true),
      digest: number % 3 == 0 ? 7 : nil)
  }

  @Test("what it keeps for records that may come goes back when none have come for a heartbeat")
  func rests() {
    var random = SplitMix(seed: 1)
    var log = WriteLog()
    record(1, &random).withView { log.append($0, WriteLog.Entry(level: .secured, since: nil)) }
    log.rest()
    log.rest()
    #expect(log.contains(1), "what is needed stays")
    log.drop(through: 1)
    log.rest()
    #expect(log.keptBytes == 0)
    record(2, &random).withView { log.append($0, WriteLog.Entry(level: .secured, since: nil)) }
    log.drop(through: 2)
    log.rest()
    #expect(log.keptBytes > 0, "one came just now")
    record(3, &random).withView { log.append($0, WriteLog.Entry(level: .secured, since: nil)) }
    #expect(log.contains(3) && log.withRecord(3) { $0.record.write } == 3)
  }

  @Test("it has what was appended and not let go of, record by record and as a piece", arguments: 1...4)
  func model(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let base = UInt64(random.next(in: 0...50))
    var log = WriteLog(base: base)
    var model: [UInt64: LogRecord] = [:]
    var first = base + 1
    for _ in 0..<3_000 {
      if random.next(in: 0...9) < 7 {
        let record = record(log.end + 1, &random)
        record.withView { log.append($0, WriteLog.Entry(level: .secured, since: nil)) }
        model[log.end] = record
      } else {
        let through = first &- 1 + UInt64(random.next(in: 0...Int64(log.count)))
        log.drop(through: through)
        while first <= through {
          model[first] = nil
          first += 1
        }
      }
      #expect(log.count == model.count && log.base == first - 1)
      guard let oldest = model.keys.min() else {
        #expect(log.footprint == 0)
        continue
      }
      let any = oldest + UInt64(random.next(in: 0...Int64(model.count - 1)))
      #expect(log.withRecord(any) { $0.record } == model[any])
      #expect(log[any].mark == model[any]?.client.principalMark)
      var room = Int(random.next(in: 0...5_000))
      let before = room
      let piece = Array(log.records(after: any - 1, room: &room))
      #expect(piece == (any..<any + UInt64(piece.count)).map { model[$0] })
      #expect(room == before - piece.reduce(0) { $0 + $1.approximateLength } && room >= 0)
      let next = any + UInt64(piece.count)
      if next <= log.end { #expect(room < log[next].length, "as many as fit") }
      #expect(log.length == model.values.reduce(0) { $0 + $1.approximateLength })
    }
  }

  @Test("records of before there were kinds are read, those of an unknown kind are refused")
  func kinds() throws {
    var random = SplitMix(seed: 1)
    let record = record(3, &random)
    let bytes = record.encoded()
    // An array of one item less, without the kind.
    let old = [bytes[0] - 1] + bytes[2...]
    #expect(try LogRecord.decode(old) == record)
    let unknown = [bytes[0], 2] + bytes[2...]
    #expect(throws: CBORError.self) { try LogRecord.decode(unknown) }
    let records = try LogRecords.decode([0x82] + old + bytes)
    #expect(Array(records) == [record, record] && records.dropping(1).bytes == bytes)
  }
}
