import Cluster
import Testing

@testable import Database

@Suite("A store that fails")
struct TroubleTests {
  private var subject = Subject()
  private let locked = StoreFailure(.passing, told: "held up")
  private let partial = StoreFailure(.partial, told: "a row cannot be read")
  private let ended = StoreFailure(.final, told: "it ends")
  private let stored = StoreMark(identity: mark.identity, commit: mark.commit + 1)

  init() {
    _ = subject.handle(.opened(session: 1, .drone(firstDrone)))
    _ = subject.handle(.opened(session: 2, .drone(secondDrone)))
  }

  private mutating func append(_ number: UInt64, _ batch: PartitionBatch, session: UInt64 = 1)
    -> [DatabaseAction]
  {
    subject.effects(.requested(.append(number: number, batches: [batch]), session: session))
  }

  private mutating func fail(_ failure: StoreFailure) -> [DatabaseAction] {
    subject.handle(.failed(failure, backlog: StoreBacklog()))
  }

  private func job(_ batch: PartitionBatch, of holder: Principal = firstDrone) -> DatabaseAction {
    .perform(.append([AppendGroup(holder: holder, batches: [batch])]))
  }

  private func failed(_ number: UInt64, _ failure: StoreFailure, session: UInt64 = 1) -> DatabaseAction {
    .answer(.appendFailed(number: number, reason: failure.told), session: session)
  }

  @Test("what passes by itself is tried again at the next tick, before anybody is told")
  mutating func passing() {
    #expect(append(1, batch(1)) == [job(batch(1))])
    #expect(fail(locked).effects == [])
    #expect(append(1, batch(2), session: 2) == [], "it waits for its turn")
    #expect(subject.effects(.ticked) == [job(batch(1))])
    let result = StoreAnswer.PartitionResult(partition: partition(1), result: .stored(through: 1))
    let effects = subject.handle(
      .finished(.appended([[result]]), backlog: StoreBacklog(), mark: stored)
    ).effects
    #expect(
      effects == [
        .answer(.appended(number: 1, results: [result]), session: 1), job(batch(2), of: secondDrone),
      ])
  }

  @Test("if it does not pass, drones are told after some tries, so that none of them waits in silence")
  mutating func passesNot() {
    _ = append(1, batch(1))
    for _ in 1..<StoreHealth.tries {
      #expect(fail(locked).effects == [])
      #expect(subject.effects(.ticked) == [job(batch(1))])
    }
    #expect(fail(locked).effects == [failed(1, locked)])
    #expect(append(2, batch(1)) == [failed(2, locked)])
    _ = subject.effects(.ticked)
    #expect(append(3, batch(1)) == [job(batch(1))])
  }

  @Test("a store that waits for somebody to mend it tells everybody, and is tried once a tick")
  mutating func waiting() throws {
    _ = append(1, batch(1))
    #expect(append(1, batch(2), session: 2) == [])
    #expect(fail(full).effects == [failed(1, full), failed(1, full, session: 2)])
    #expect(append(2, batch(1)) == [failed(2, full)], "it is not tried for each that asks")
    let asked: PartitionSet = [partition(3)]
    let open = StoreRequest.open(number: 5, grant: try grant(asked), partitions: asked)
    #expect(
      subject.effects(.requested(open, session: 2)) == [
        .answer(.openRefused(number: 5, partitions: asked, reason: full.told), session: 2)
      ])
    #expect(subject.effects(.ticked) == [])
    #expect(append(3, batch(1)) == [job(batch(1))])
    #expect(fail(full).effects == [failed(3, full)])
  }

  @Test("it goes on by itself, and says so once; a transaction that changes nothing proves nothing")
  mutating func recovery() {
    _ = append(1, batch(1))
    _ = fail(full)
    _ = subject.effects(.ticked)
    let probe = subject.effects(.requested(.append(number: 2, batches: []), session: 1))
    #expect(probe == [.perform(.append([AppendGroup(holder: firstDrone, batches: [])]))])
    let nothing = subject.handle(.finished(.appended([[]]), backlog: StoreBacklog(), mark: mark))
    #expect(nothing == [.answer(.appended(number: 2, results: []), session: 1)] + nothing.dropFirst())
    #expect(!nothing.contains(.note(.storeRecovered)))
    #expect(append(3, batch(1)) == [job(batch(1))])
    let result = StoreAnswer.PartitionResult(partition: partition(1), result: .stored(through: 1))
    let finished = DatabaseEvent.finished(.appended([[result]]), backlog: StoreBacklog(), mark: stored)
    #expect(subject.handle(finished).contains(.note(.storeRecovered)))
    #expect(append(4, batch(1)) == [job(batch(1))])
    #expect(!subject.handle(finished).contains(.note(.storeRecovered)))
  }

  @Test("what cannot be read fails who needs it, and nobody else waits")
  mutating func partly() {
    _ = append(1, batch(1))
    #expect(append(1, batch(2), session: 2) == [])
    #expect(fail(partial).effects == [failed(1, partial), job(batch(2), of: secondDrone)])
  }

  @Test("partitions that cannot be read are left out; a drone that asks for nothing else is told to wait")
  mutating func leftOut() {
    let damage = DamagedRow(table: "partitions", partitions: [partition(1)], isRestored: false)
    let other = StoreAnswer.PartitionResult(partition: partition(2), result: .stored(through: 1))
    _ = subject.handle(.requested(.append(number: 1, batches: [batch(1), batch(2)]), session: 1))
    let first = subject.handle(
      .finished(.appended([[other]], damages: [damage]), backlog: StoreBacklog(), mark: stored))
    #expect(first.first == .note(.damaged(damage)))
    #expect(first.effects == [.answer(.appended(number: 1, results: [other]), session: 1)])
    _ = append(2, batch(1))
    let second = subject.handle(
      .finished(.appended([[]], damages: [damage]), backlog: StoreBacklog(), mark: stored))
    #expect(
      second.effects == [.answer(.appendFailed(number: 2, reason: DatabaseCore.unreadable), session: 1)])
    #expect(!second.contains(.note(.damaged(damage))), "once is enough")
  }

  @Test("a fold that finds no room lets appends go on")
  mutating func foldWaits() {
    let long = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().longLog.bytes + 1)
    _ = append(1, batch(1))
    let result = StoreAnswer.PartitionResult(partition: partition(1), result: .stored(through: 1))
    let finished = DatabaseEvent.finished(.appended([[result]]), backlog: long, mark: stored)
    #expect(subject.handle(finished).effects.last == .perform(.fold))
    #expect(subject.handle(.failed(full, backlog: long)).effects == [])
    #expect(append(2, batch(1)) == [job(batch(1))])
  }

  @Test("a store that is of no more use is not touched again, whatever comes and however long it takes")
  mutating func over() throws {
    _ = append(1, batch(1))
    #expect(append(1, batch(2), session: 2) == [])
    #expect(fail(ended).effects == [failed(1, ended), failed(1, ended, session: 2), .giveUp])
    for number: UInt64 in 2...4 {
      #expect(subject.effects(.ticked) == [])
      #expect(append(number, batch(1)) == [failed(number, ended)])
    }
    _ = subject.handle(.opened(session: 3, .authority))
    #expect(subject.effects(.received(.raiseTerm(RaiseTerm(term: Term(9))), session: 3)) == [])
  }

  @Test("a reader that finds the store of no more use ends it, too: whoever waits to write is told")
  mutating func readEnds() {
    #expect(append(1, batch(1)) == [job(batch(1))])
    #expect(append(2, batch(2), session: 2) == [])
    let found = subject.handle(.streamFailed(1, rest: [partition(1)], ended)).effects
    #expect(found == [failed(2, ended, session: 2), .giveUp])
    #expect(fail(ended).effects == [failed(1, ended)])
    #expect(append(3, batch(1)) == [failed(3, ended)])
  }

  @Test("a store that cannot be verified ends only if it is of no more use") mutating func scrubEnds() {
    #expect(subject.effects(.scrubFailed(partial)) == [])
    #expect(append(1, batch(1)) == [job(batch(1))])
    #expect(subject.effects(.scrubFailed(ended)) == [.giveUp])
    #expect(subject.effects(.scrubFailed(ended)) == [], "once is enough")
    #expect(append(2, batch(1)) == [failed(2, ended)])
  }

  @Test("a reader that is fenced, or cannot read a row, hinders nobody")
  mutating func readFails() {
    _ = subject.handle(.streamFailed(1, rest: [partition(1)], partial))
    #expect(append(1, batch(1)) == [job(batch(1))])
  }

  @Test("a fold that finds the store of no more use ends it, too")
  mutating func foldEnds() {
    let long = StoreBacklog(rows: 1, records: 1, bytes: StoreBounds().longLog.bytes + 1)
    _ = append(1, batch(1))
    let result = StoreAnswer.PartitionResult(partition: partition(1), result: .stored(through: 1))
    let finished = DatabaseEvent.finished(.appended([[result]]), backlog: long, mark: stored)
    #expect(subject.handle(finished).effects.last == .perform(.fold))
    _ = subject.handle(.failed(ended, backlog: long))
    #expect(subject.effects(.ticked) == [])
    #expect(append(2, batch(1)) == [failed(2, ended)])
  }
}
