import Cluster
import Drone

/// The log of a partition beside an array of records.
enum LogCheck {
  static func run(_ steps: Int, _ random: inout SplitMix) {
    var log = WriteLog()
    var model: [LogRecord] = []
    var base = 0
    for step in 1...steps {
      if random.next(in: 0...9) < 8 {
        let record = record(UInt64(step), &random)
        record.withView { log.append($0, WriteLog.Entry(level: .secured, since: nil)) }
        model.append(record)
      } else {
        let dropped = Int(random.next(in: 0...Int64(min(40, model.count))))
        log.drop(through: UInt64(base + dropped))
        model.removeFirst(dropped)
        base += dropped
      }
      guard !model.isEmpty else { continue }
      let place = Int(random.next(in: 0...Int64(model.count - 1)))
      require(
        log.withRecord(UInt64(base + place + 1)) { $0.record } == model[place], "the log has another record")
      var room = Int(random.next(in: 0...2_000))
      let piece = Array(log.records(after: UInt64(base + place), room: &room))
      require(piece[...] == model[place..<place + piece.count], "the log gave other records")
    }
  }

  private static func record(_ number: UInt64, _ random: inout SplitMix) -> LogRecord {
    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(random.next(in: 1...200)))
    let change: LogRecord.Change =
      [.delete, .nothing, .put(value: bytes), .put(value: [])][Int(random.next(in: 0...3))]
    return LogRecord(
      key: bytes, change: change, client: ClientIncarnation(high: number % 3, low: number), write: number,
      outcome: .written(existed: nil), digest: number.isMultiple(of: 2) ? 7 : nil)
  }
}
