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
