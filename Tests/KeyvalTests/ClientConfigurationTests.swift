import FoundationEssentials
import Glibc
import Testing

@testable import Keyval

@Suite("Client configuration") struct ClientConfigurationTests {
  private func load(_ json: String) throws -> ClientConfiguration {
    let path = "\(temporaryDirectory)/keyval-client-\(UInt64.random(in: 0 ... .max)).json"
    try Data(json.utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try ClientConfiguration.load(path: path)
  }

  private var temporaryDirectory: String { FileManager.default.temporaryDirectory.path() }

  private static let good = """
    {"cluster": "demo", "realm": "R", "anchors": "ca.pem",
     "seeds": [{"principal": "keyval-drone/d1@R", "address": "127.0.0.1:6234"}]}
    """

  @Test("a file with the four members is enough")
  func minimal() throws {
    let configuration = try load(Self.good)
    #expect(
      configuration.cluster == "demo" && configuration.realm == "R" && configuration.anchors == "ca.pem")
    #expect(configuration.seeds.map(\.principal.text) == ["keyval-drone/d1@R"])
    #expect(configuration.seeds.map(\.endpoint.description) == ["127.0.0.1:6234"])
    #expect(configuration.credentialCache == nil && configuration.deadline == .seconds(10))
  }

  @Test("the others may be given")
  func full() throws {
    let more = "\"deadline\": 1500, \"suspicion\": 60, \"credentialCache\": \"FILE:/tmp/x\", \"cluster\""
    let configuration = try load(Self.good.replacing("\"cluster\"", with: more))
    #expect(configuration.deadline == .milliseconds(1500) && configuration.suspicion == .milliseconds(60))
    #expect(configuration.credentialCache == "FILE:/tmp/x")
  }

  @Test(
    "what is wrong is named",
    arguments: [
      ("\"cluster\": \"demo\",", "", "‘cluster’ is missing"), ("\"demo\"", "7", "cluster"),
      ("\"cluster\"", "\"deadlin\": 5, \"cluster\"", "there is no member ‘deadlin’"),
      ("\"address\":", "\"address\"", "at line 2, column"),
      ("\"demo\"", "\"\"", "cluster"), ("127.0.0.1:6234", "nowhere", "nowhere"),
      ("keyval-drone/d1@R", "d1", "d1"), ("keyval-drone/d1@R", "keyval-database/b@R", "keyval-database/b@R"),
      ("keyval-drone/d1@R", "keyval-drone/d1@OTHER", "OTHER"), ("{\"cluster\"", "", "JSON"),
      ("\"cluster\"", "\"deadline\": 0, \"cluster\"", "deadline"),
    ])
  func wrong(part: String, replacement: String, named: String) throws {
    let json = Self.good.replacing(part, with: replacement)
    let error = try #require(throws: KeyvalError.self) { try load(json) }
    #expect(error.description.contains(named), "\(error)")
  }

  @Test("a missing file, a missing CA and a file that is none are named")
  func files() throws {
    #expect(throws: KeyvalError.self) { try ClientConfiguration.load(path: "/nonexistent/client.json") }
    var configuration = try load(Self.good)
    configuration.anchors = "/nonexistent/ca.pem"
    let missing = try #require(throws: KeyvalError.self) { try KeyvalClient(configuration: configuration) }
    #expect(missing.description.contains("/nonexistent/ca.pem"))
    configuration.anchors = #filePath
    #expect(throws: KeyvalError.self) { try KeyvalClient(configuration: configuration) }
  }

  @Test("a configuration and a CA that others can write are not believed")
  func writable() throws {
    let path = "\(temporaryDirectory)/keyval-client-\(UInt64.random(in: 0 ... .max)).json"
    try Data(Self.good.utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    chmod(path, 0o644)
    var configuration = try ClientConfiguration.load(path: path)
    chmod(path, 0o666)
    let error = try #require(throws: KeyvalError.self) { try ClientConfiguration.load(path: path) }
    #expect(error.description.contains("\(path) can be written by others (mode 666)"), "\(error)")
    configuration.anchors = path
    let anchors = try #require(throws: KeyvalError.self) { try KeyvalClient(configuration: configuration) }
    #expect(anchors.description.contains("(‘anchors’) \(path) can be written by others"), "\(anchors)")
  }

  @Test("no seed, no client")
  func noSeeds() {
    let configuration = ClientConfiguration(cluster: "c", realm: "R", seeds: [], anchors: "x")
    #expect(throws: KeyvalError.self) { try KeyvalClient(configuration: configuration) }
  }
}
