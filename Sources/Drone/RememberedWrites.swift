import Cluster

/// Writes in one array, 32 bytes each, chained by their client and by their principal. Numbers of places that were freed
/// are used again.
struct RememberedWrites {
  struct Entry {
    /// The client's number of the write.
    let number: UInt64
    let sequence: UInt64
    private let digestBits: UInt32
    // Each has a place in its lower 28 bits, as many as no partition has room for, and something else above it.
    /// The place of its client, and flags.
    private var clientBits: UInt32
    /// The next write of the client, or `none`, and the lower half of the outcome.
    private var clientLink: UInt32
    /// The next write of the principal, or `none`, and the upper half of the outcome.
    private var principalLink: UInt32

    private static let hasDigest: UInt32 = 1 << 28
    private static let pending: UInt32 = 1 << 29
    private static let placeMask: UInt32 = 1 << 28 - 1
    private static let none = placeMask

    init(number: UInt64, sequence: UInt64, digest: UInt32?, outcome: Outcome, isPending: Bool) {
      self.number = number
      self.sequence = sequence
      digestBits = digest ?? 0
      clientBits = (digest == nil ? 0 : Self.hasDigest) | (isPending ? Self.pending : 0)
      clientLink = UInt32(outcome.packed & 0xf) << 28 | Self.none
      principalLink = UInt32(outcome.packed >> 4) << 28 | Self.none
    }

    var digest: UInt32? { clientBits & Self.hasDigest == 0 ? nil : digestBits }
    var outcome: Outcome { Outcome(packed: UInt8(clientLink >> 28 | (principalLink >> 28) << 4)) }
    var isPending: Bool {
      get { clientBits & Self.pending != 0 }
      set { clientBits = newValue ? clientBits | Self.pending : clientBits & ~Self.pending }
    }
    var client: Int32 {
      get { Int32(clientBits & Self.placeMask) }
      set { clientBits = Self.put(newValue, in: clientBits) }
    }
    /// -1: none.
    fileprivate var nextOfClient: Int32 {
      get { Self.next(clientLink) }
      set { clientLink = Self.put(newValue, in: clientLink) }
    }
    fileprivate var nextOfPrincipal: Int32 {
      get { Self.next(principalLink) }
      set { principalLink = Self.put(newValue, in: principalLink) }
    }

    @inline(__always)
    private static func next(_ link: UInt32) -> Int32 {
      link & placeMask == none ? -1 : Int32(link & placeMask)
    }

    @inline(__always)
    private static func put(_ place: Int32, in word: UInt32) -> UInt32 {
      precondition(place < Int32(none), "more writes of a partition are remembered than can be numbered")
      return word & ~placeMask | UInt32(bitPattern: place) & placeMask
    }
  }

  /// The first and the last of some writes that are linked one to the next.
  struct Chain {
    private var firstPlace: Int32 = -1
    fileprivate var last: Int32 = -1

    fileprivate(set) var first: Int32? {
      get { firstPlace < 0 ? nil : firstPlace }
      set { firstPlace = newValue ?? -1 }
    }
    var isEmpty: Bool { firstPlace < 0 }
  }

  enum Link { case client, principal }

  private var entries: [Entry] = []
  /// The first place that is free; each links to the next, as the writes of a client do.
  private var vacant: Int32 = -1
  @inline(__always) private(set) var count = 0

  subscript(index: Int32) -> Entry {
    get { entries[Int(index)] }
    _modify { yield &entries[Int(index)] }
  }

  mutating func add(_ entry: Entry) -> Int32 {
    count += 1
    guard vacant < 0 else {
      let place = vacant
      vacant = entries[Int(place)].nextOfClient
      entries[Int(place)] = entry
      return place
    }
    entries.makeRoomForOne()
    entries.append(entry)
    return Int32(entries.count - 1)
  }

  mutating func free(_ index: Int32) {
    count -= 1
    entries[Int(index)].nextOfClient = vacant
    vacant = index
  }

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
      if self[index].number == number { found = index }
      index = self[index].nextOfClient
    }
    return found
  }

  func forEach(of chain: Chain, by link: Link, _ body: (Entry) -> Void) {
    var index = chain.first ?? -1
    while index >= 0 {
      body(self[index])
      index = next(of: index, link)
    }
  }

  private func next(of index: Int32, _ link: Link) -> Int32 {
    link == .client ? self[index].nextOfClient : self[index].nextOfPrincipal
  }

  private mutating func setNext(of index: Int32, _ next: Int32, _ link: Link) {
    if link == .client { self[index].nextOfClient = next } else { self[index].nextOfPrincipal = next }
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
    elements.makeRoomForOne()
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

extension Array {
  /// Grows by a quarter where the library would double it: of what each partition has many, half would lie empty.
  fileprivate mutating func makeRoomForOne() {
    if count == capacity { reserveCapacity(count + Swift.max(4, count / 4)) }
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
