/// What is to happen, in order of time and, at the same time, of being planned.
struct EventHeap {
  private struct Entry {
    let time: Int64
    let order: UInt64
    let body: () -> Void

    static func < (left: Entry, right: Entry) -> Bool {
      left.time != right.time ? left.time < right.time : left.order < right.order
    }
  }

  private var entries: [Entry] = []
  private var order: UInt64 = 0

  var nextTime: Int64? { entries.first?.time }

  mutating func add(at time: Int64, _ body: @escaping () -> Void) {
    order += 1
    entries.append(Entry(time: time, order: order, body: body))
    var child = entries.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard entries[child] < entries[parent] else { break }
      entries.swapAt(child, parent)
      child = parent
    }
  }

  mutating func removeFirst() -> (time: Int64, body: () -> Void)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return (first.time, first.body)
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < entries.count else { return }
      if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
      guard entries[child] < entries[parent] else { return }
      entries.swapAt(child, parent)
      parent = child
    }
  }
}
