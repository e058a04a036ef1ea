/// Elements that keep their places. The places of those that were removed are used again.
struct Slots<Element> {
  private var elements: [Element?] = []
  private var vacant: [Int32] = []

  @inline(__always) var count: Int { elements.count - vacant.count }

  /// A place that is in use.
  subscript(place: Int32) -> Element {
    _read {
      guard elements[Int(place)] != nil else { fatalError("a place that is not in use") }
      yield elements[Int(place)]!
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
    // By a quarter where the library would double it: of what each partition has many, half would lie empty.
    if elements.count == elements.capacity {
      elements.reserveCapacity(elements.count + max(4, elements.count / 4))
    }
    elements.append(element)
    return Int32(elements.count - 1)
  }

  mutating func remove(_ place: Int32) {
    elements[Int(place)] = nil
    vacant.append(place)
  }

  mutating func updateAll(_ body: (inout Element) -> Void) {
    for place in elements.indices where elements[place] != nil { body(&elements[place]!) }
  }

  /// In the order of places.
  func visit(_ body: (Int32, Element) -> Void) {
    for (place, element) in elements.enumerated() { if let element { body(Int32(place), element) } }
  }
}
