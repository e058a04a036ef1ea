import Cluster
import Testing

@testable import Authority

@Suite("The authority hands out the access list") struct AccessListTests {
  private func list(_ version: UInt64) -> NumberedAccessList {
    NumberedAccessList(version: version, text: [UInt8](repeating: UInt8(version), count: 3))
  }

  private func registration(of drone: Int, _ version: UInt64) -> AuthorityEvent {
    .received(
      .register(
        Register(
          incarnation: Incarnation(1), endpoint: Endpoint(host: "127.0.0.1", port: 7000 + UInt16(drone) - 1),
          accessVersion: version, membership: 1)), from: World.drone(drone))
  }

  private func messages(_ world: World) -> [(ControlMessage, Principal)] {
    world.actions.compactMap { if case .send(let message, let peer) = $0 { (message, peer) } else { nil } }
  }

  @Test("a change goes to the drones that are connected, once, and to nobody else")
  func changes() {
    let world = World()
    world.feed(.disconnected(World.drone(3)))
    for version in [4, 4, 3] as [UInt64] { world.feed(.accessListRead(list(version))) }
    let sent = messages(world).filter { $0.0 == .accessList(list(4)) }.map(\.1)
    #expect(sent == [World.drone(1), World.drone(2)])
    #expect(messages(world).count { if case .accessList = $0.0 { true } else { false } } == 2)
  }

  @Test("who has several sessions is connected until the last of them is over") func sessions() {
    let world = World()
    let d3 = World.drone(3)
    func isTold(_ version: UInt64) -> Bool {
      world.feed(.accessListRead(list(version)))
      return messages(world).contains { $0.0 == .accessList(list(version)) && $0.1 == d3 }
    }
    world.feed(.connected(d3))
    world.feed(.disconnected(d3))
    #expect(isTold(4))
    world.feed(.disconnected(d3))
    #expect(!isTold(5))
    world.feed(.disconnected(d3))
    world.feed(.connected(d3))
    #expect(isTold(6))
  }

  @Test("a registration that names another version is answered with the list, before the list of nodes")
  func registers() {
    let world = World()
    world.feed(.accessListRead(list(4)))
    for version in [0, 3, 5] as [UInt64] {
      world.actions = []
      world.feed(registration(of: 1, version))
      let sent = messages(world).map(\.0)
      #expect(sent.first == .accessList(list(4)))
      guard case .registered(let registered) = sent.last else {
        Issue.record("\(sent)")
        return
      }
      #expect(sent.count == 2 && registered.accessVersion == 4)
    }
    world.actions = []
    world.feed(registration(of: 1, 4))
    #expect(messages(world).map(\.0.kind) == [33])
  }

  @Test("a database gets none")
  func database() {
    let world = World()
    world.feed(.accessListRead(list(4)))
    world.actions = []
    world.feed(
      .received(
        .register(
          Register(
            incarnation: Incarnation(1), endpoint: Endpoint(host: "127.0.0.1", port: 7003), membership: 0)),
        from: World.database(1)))
    #expect(!messages(world).contains { if case .accessList = $0.0 { true } else { false } })
  }
}
