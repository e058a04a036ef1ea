import Cluster

/// Writes in one array, 40 bytes each, chained by their client and by their principal. Numbers of places that were freed
/// are used again.
struct RememberedWrites {
  struct Entry {
    /// The client's number of the write.
    let number: UInt64
    let sequence: UInt64
    private let digestBits: UInt32
    /// Whether there is a digest, and whether the write is under way.
    private var flags: UInt8
    private let packedOutcome: UInt8
    /// The place of its client.
    var client: Int32 = 0
    fileprivate var nextOfClient: Int32 = -1
    fileprivate var nextOfPrincipal: Int32 = -1

    private static let hasDigest: UInt8 = 1
    private static let pending: UInt8 = 2

    init(number: UInt64, sequence: UInt64, digest: UInt32?, outcome: Outcome, isPending: Bool) {
      self.number = number
      self.sequence = sequence
      digestBits = digest ?? 0
      packedOutcome = outcome.packed
      flags = (digest == nil ? 0 : Self.hasDigest) | (isPending ? Self.pending : 0)
    }

    var digest: UInt32? { flags & Self.hasDigest == 0 ? nil : digestBits }
    var outcome: Outcome { Outcome(packed: packedOutcome) }
    var isPending: Bool {
      get { flags & Self.pending != 0 }
      set { flags = newValue ? flags | Self.pending : flags & ~Self.pending }
    }
  }

  /// The first and the last of some writes that are linked one to the next.
  struct Chain {
    fileprivate(set) var first: Int32?
    fileprivate var last: Int32 = -1

    var isEmpty: Bool { first == nil }
  }

  enum Link { case client, principal }

  private var entries = Slots<Entry>()

  @inline(__always) var count: Int { entries.count }

  subscript(index: Int32) -> Entry {
    get { entries[index] }
    _modify { yield &entries[index] }
  }

  mutating func add(_ entry: Entry) -> Int32 { entries.add(entry) }
  mutating func free(_ index: Int32) { entries.remove(index) }

  // MARK: Chains

  mutating func append(_ index: Int32, to chain: inout Chain, by link: Link) {
    if chain.first == nil { chain.first = index } else { setNext(of: chain.last, index, link) }
    chain.last = index
  }

  mutating func removeFirst(of chain: inout Chain, by link: Link) {
    guard let first = chain.first else { return }
    let next = next(of: first, link)
    chain.first = next < 0 ? nil : next
  }

  /// The last of a client's writes that has this number.
  func last(of chain: Chain, number: UInt64) -> Int32? {
    var found: Int32?
    var index = chain.first ?? -1
    while index >= 0 {
      if entries[index].number == number { found = index }
      index = entries[index].nextOfClient
    }
    return found
  }

  func forEach(of chain: Chain, by link: Link, _ body: (Entry) -> Void) {
    var index = chain.first ?? -1
    while index >= 0 {
      body(entries[index])
      index = next(of: index, link)
    }
  }

  private func next(of index: Int32, _ link: Link) -> Int32 {
    link == .client ? entries[index].nextOfClient : entries[index].nextOfPrincipal
  }

  private mutating func setNext(of index: Int32, _ next: Int32, _ link: Link) {
    if link == .client { entries[index].nextOfClient = next } else { entries[index].nextOfPrincipal = next }
  }
}

/// Elements that keep their places. The places of those that were removed are used again.
struct Slots<Element> {
  private var elements: [Element?] = []
  private var vacant: [Int32] = []

  @inline(__always) var count: Int { elements.count - vacant.count }

  /// A place that is in use.
  subscript(place: Int32) -> Element {
    get {
      guard let element = elements[Int(place)] else { fatalError("a place that is not in use") }
      return element
    }
    _modify {
      guard elements[Int(place)] != nil else { fatalError("a place that is not in use") }
      yield &elements[Int(place)]!
    }
  }

  mutating func add(_ element: Element) -> Int32 {
    if let place = vacant.popLast() {
      elements[Int(place)] = element
      return place
    }
    elements.append(element)
    return Int32(elements.count - 1)
  }

  mutating func remove(_ place: Int32) {
    elements[Int(place)] = nil
    vacant.append(place)
  }

  /// In the order of places.
  func visit(_ body: (Int32, Element) -> Void) {
    for (place, element) in elements.enumerated() { if let element { body(Int32(place), element) } }
  }
}

/// First in, first out.
struct Queue<Element> {
  private var items: [Element] = []
  private var head = 0

  var count: Int { items.count - head }
  var isEmpty: Bool { head == items.count }
  var first: Element? { isEmpty ? nil : items[head] }

  mutating func append(_ element: Element) { items.append(element) }

  mutating func popFirst() -> Element? {
    guard let first else { return nil }
    head += 1
    // Seldom enough that an element is moved once, about.
    if head * 2 > items.count {
      items.removeFirst(head)
      head = 0
    }
    return first
  }
}
