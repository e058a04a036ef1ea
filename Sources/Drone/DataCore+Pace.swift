import Cluster

/// Slowing writers down: what is acknowledged before the database has it is bounded, by answering later.
extension DataCore {
  /// An answer that waits until the database has caught up. Its write has its second place, and readers see it.
  struct HeldAnswer {
    /// Bytes of writes that this loop had taken by then.
    let place: Int
    let completion: Completion
  }

  /// Answers in the order in which they were due, so that nobody waits for more than the others.
  struct HeldAnswers {
    private var answers: [HeldAnswer] = []
    /// Those before are gone: taking them out one by one would move all others each time.
    private var head = 0

    var first: HeldAnswer? { head < answers.count ? answers[head] : nil }
    var isEmpty: Bool { head == answers.count }

    mutating func append(_ answer: HeldAnswer) { answers.append(answer) }

    mutating func removeFirst() {
      head += 1
      guard head >= 64, head * 2 >= answers.count else { return }
      answers.removeFirst(head)
      head = 0
    }
  }

  /// Tells whoever can be told that his write is done.
  mutating func complete(_ data: DataPartition) -> [Completion] {
    var completions: [Completion] = []
    data.settle { origin, entry, isStored in
      let completion = Completion(origin: origin, result: .done(existed: entry.record.existed))
      if isStored || held.isEmpty && unstored(before: entry.place) <= window {
        completions.append(completion)
      } else {
        held.append(HeldAnswer(place: entry.place, completion: completion))
      }
    }
    return completions
  }

  /// Bytes that the database lacks of what this loop had taken by then.
  private func unstored(before place: Int) -> Int { backlog - (taken - place) }

  /// Looks how far the database may be behind now.
  /// - Returns: the answers that need not wait any more.
  mutating func release(_ now: Instant, timing: Timing) -> [Completion] {
    window = pace.window(now, timing: timing)
    var completions: [Completion] = []
    while let first = held.first, unstored(before: first.place) <= window {
      completions.append(first.completion)
      held.removeFirst()
    }
    return completions
  }

  /// Whether so much waits that a write is turned away: answers have been held back for long.
  var isFull: Bool { backlog >= bounds.backlog + bounds.backlog / 4 }
}
