import Cluster
import Testing

@testable import Drone

@Suite("Where clients are found") struct PlaceIndexTests {
  @Test("it is a dictionary, however many come and go", arguments: 1...4) func model(seed: UInt64) {
    var random = SplitMix(seed: seed)
    var (index, occupants) = (PlaceIndex(), Slots<ClientIncarnation>())
    var model: [ClientIncarnation: Int32] = [:]
    for _ in 0..<20_000 {
      // Few of many principals, and many of few.
      let client = ClientIncarnation(
        high: UInt64(random.next(in: 1...(seed < 3 ? 3 : 200))), low: UInt64(random.next(in: 1...40)))
      #expect(index.find(client) { occupants[$0] } == model[client])
      if let place = model.removeValue(forKey: client) {
        index.remove(place) { occupants[$0] }
        occupants.remove(place)
      } else {
        let place = occupants.add(client)
        index.add(place) { occupants[$0] }
        model[client] = place
      }
    }
    for (client, place) in model { #expect(index.find(client) { occupants[$0] } == place) }
  }
}
