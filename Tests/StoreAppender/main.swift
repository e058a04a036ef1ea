// Appends to a store until it is killed, for the tests: prints each sequence number once it is stored.

import Cluster
import Glibc
import Storage

let holder = try Principal("keyval-drone/d1@KEYVAL.TEST")
let token = FencingToken(term: Term(1), counter: 1)
let incarnation = Incarnation(7)
guard CommandLine.arguments.count == 2, let partition = Partition(1) else { exit(64) }

let store = try SQLiteStore(directory: CommandLine.arguments[1], cluster: "test")
_ = try store.raiseTerm(to: Term(1))
let opening = PartitionOpening(
  holder: holder, incarnation: incarnation, token: token, partitions: [partition])
_ = try store.open(opening)
var sequence: UInt64 = 0
try store.contents(of: opening) { part in
  if case .end(let tail) = part { sequence = tail.sequence }
  return true
}

while true {
  sequence += 1
  // Fixed width, so that keys are in the order of their numbers.
  let digits = String(sequence)
  let key = [UInt8]((String(repeating: "0", count: 12 - digits.count) + digits).utf8)
  let record = LogRecord(
    key: key, change: .put(value: key), client: ClientIncarnation(high: 1, low: 1), write: sequence,
    outcome: .written(existed: false))
  let batch = PartitionBatch(
    partition: partition, token: token, incarnation: incarnation, firstSequence: sequence, records: [record])
  _ = try store.append([AppendGroup(holder: holder, batches: [batch])])
  let line = [UInt8]("\(sequence)\n".utf8)
  guard write(STDOUT_FILENO, line, line.count) == line.count else { exit(74) }
  if sequence % 7 == 0 { try store.fold(records: 5) }
}
