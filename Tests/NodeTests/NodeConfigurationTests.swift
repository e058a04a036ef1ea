import Cluster
import Foundation
import Glibc
import Logging
import Testing

@testable import Node

@Suite("The configuration of a node")
struct NodeConfigurationTests {
  /// A directory with a keytab and a CA, and the configuration that names them.
  private final class Fixture {
    let directory: String
    var settings: [String: Any]

    init() throws {
      let url = FileManager.default.temporaryDirectory.appending(path: "keyval-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      directory = url.path
      settings = [
        "cluster": "demo", "realm": "KEYVAL.TEST", "name": "d1", "listen": "127.0.0.1:0",
        "keytab": "\(directory)/keytab", "directory": "\(directory)/data", "anchors": "\(directory)/ca.pem",
        "membership": "\(directory)/membership.pem",
        "authority": ["principal": "keyval-authority/a1@KEYVAL.TEST", "address": "127.0.0.1:6233"],
      ]
      try write("keytab", "not read here", mode: 0o600)
      try write("ca.pem", "not parsed here", mode: 0o644)
      try write("ca.key", "not parsed here", mode: 0o600)
      try write("access.acl", "*@KEYVAL.TEST r\n", mode: 0o644)
      try write("membership.pem", "not parsed here", mode: 0o644)
      try write("membership.key", "not parsed here", mode: 0o600)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func write(_ name: String, _ text: String, mode: Int) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
      try FileManager.default.setAttributes(
        [.posixPermissions: mode], ofItemAtPath: "\(directory)/\(name)")
    }

    var file: String { "\(directory)/node.json" }

    func load(
      role: Role = .drone, overrides: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> NodeConfiguration {
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: file))
      return try loadAsWritten(role: role, overrides: overrides, environment: environment)
    }

    func loadAsWritten(
      role: Role = .drone, overrides: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> NodeConfiguration {
      try NodeConfiguration.load(
        role: role, file: file, overrides: overrides, environment: environment)
    }

    /// The sentence with which this configuration is refused.
    func complaint(role: Role = .drone, overrides: [String: String] = [:]) -> String {
      do {
        _ = try load(role: role, overrides: overrides)
        return "it was accepted"
      } catch {
        return "\(error)"
      }
    }
  }

  @Test("the memory ceiling is three quarters of what there is, unless it is set")
  func memory() throws {
    let fixture = try Fixture()
    #expect(try fixture.load().memory == MachineMemory.standardCeiling)
    fixture.settings["memory"] = 4_000_000_000
    #expect(try fixture.load().memory == 4_000_000_000)
    fixture.settings["memory"] = 1_000
    #expect(fixture.complaint().contains("memory"))
    fixture.settings["memory"] = "8 GB"
    #expect(fixture.complaint().contains("whole number"))
  }

  @Test("the limits of sessions can be set, and a node raises its limit of file descriptors for them")
  func sessionLimits() throws {
    let fixture = try Fixture()
    fixture.settings["sessions"] = ["total": 300, "per-principal": 30, "per-address": 60]
    let limits = try fixture.load().sessionLimits
    #expect(limits.sessions == 300)
    #expect(limits.sessionsPerPrincipal == 30)
    #expect(limits.sessionsPerSource == 60)
    fixture.settings["sessions"] = ["total": 0]
    #expect(fixture.complaint().contains("sessions.total"))
    // Lower than it was, and still more than this process needs.
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    #expect(getrlimit(resource, &limit) == 0)
    let hard = limit.rlim_max
    limit.rlim_cur = min(limit.rlim_cur, hard) / 2
    #expect(setrlimit(resource, &limit) == 0)
    let fitted = Descriptors.fitted(limits, Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    #expect(fitted.sessions <= 300)
    #expect(getrlimit(resource, &limit) == 0)
    #expect(limit.rlim_cur == min(hard, rlim_t(Descriptors.most)))
  }

  @Test("the file alone is enough, and the data directory is made")
  func fileAlone() throws {
    let fixture = try Fixture()
    let configuration = try fixture.load()
    #expect(configuration.principal.text == "keyval-drone/d1@KEYVAL.TEST")
    #expect(configuration.label == "drone.d1")
    #expect(configuration.listen.port == 0)
    #expect(configuration.endpoint(boundPort: 77).description == "127.0.0.1:77")
    #expect(configuration.authority?.endpoint.description == "127.0.0.1:6233")
    #expect(configuration.timing == Timing())
    let mode = try FileManager.default.attributesOfItem(atPath: configuration.directory)
    #expect(mode[.posixPermissions] as? Int == 0o700)
  }

  @Test("a flag is stronger than the environment, and that stronger than the file")
  func order() throws {
    let fixture = try Fixture()
    fixture.settings["heartbeat"] = 100
    let environment = ["KEYVAL_HEARTBEAT": "200", "KEYVAL_LOG_LEVEL": "debug"]
    #expect(try fixture.load().timing.heartbeat == 100)
    #expect(try fixture.load(environment: environment).timing.heartbeat == 200)
    let configuration = try fixture.load(
      overrides: ["heartbeat": "300", "authority.address": "127.0.0.1:9"], environment: environment)
    #expect(configuration.timing.heartbeat == 300)
    #expect(configuration.authority?.endpoint.port == 9)
    #expect(configuration.logLevel == .debug)
  }

  @Test(
    "a missing setting is named with its file and what to write",
    arguments: [
      "cluster", "realm", "name", "listen", "keytab", "directory", "anchors", "membership",
      "authority",
    ])
  func missing(key: String) throws {
    let fixture = try Fixture()
    fixture.settings[key] = nil
    let complaint = fixture.complaint()
    #expect(
      complaint.contains(fixture.file) && complaint.contains("‘\(key)") && complaint.contains("is missing"))
  }

  @Test(
    "a wrong setting is refused with its name and a remedy",
    arguments: [
      ("listen", "nowhere", "host:port"), ("listen", "1.2.3.4:99999", "host:port"),
      ("name", "a/b", "letters"), ("realm", "", "is empty"), ("heartbeat", "1", "10 to 60000"),
      ("heartbeat", "soon", "whole number"), ("log.level", "loud", "trace, debug"),
      ("authority.principal", "alice@KEYVAL.TEST", "keyval-authority/NAME@KEYVAL.TEST"),
      ("authority.principal", "keyval-authority/a1@OTHER", "keyval-authority/NAME@KEYVAL.TEST"),
      ("authority.address", "a1", "host:port"), ("advertise", "0", "host:port"),
      ("listen", "0.0.0.0:6234", "‘advertise’ is missing"), ("audit.bytes", "9", "65536 to"),
      ("audit.files", "1", "2 to 1000"), ("audit.data", "some", "none, writes, all"),
      ("audit.keys", "yes", "hidden, written"),
      ("audit.path", "/var/log/", "path of a file"),
    ])
  func wrong(key: String, value: String, remedy: String) throws {
    let complaint = try Fixture().complaint(overrides: [key: value])
    #expect(complaint.contains(remedy), "\(complaint)")
  }

  @Test("an audit log is kept where nothing is said of it, of requests for keys only when that is asked for")
  func audit() throws {
    let fixture = try Fixture()
    #expect(try fixture.load().audit == AuditSettings())
    #expect(try fixture.load().audit.data == .none && fixture.load().audit.path == nil)
    fixture.settings["audit"] = ["path": "/var/log/d1.jsonl", "bytes": 100_000, "files": 3, "data": "writes"]
    let audit = try fixture.load().audit
    #expect(audit.path == "/var/log/d1.jsonl" && audit.bytes == 100_000 && audit.files == 3)
    #expect(audit.data == .writes && audit.keys == .hidden)
    #expect(try fixture.load(overrides: ["audit.keys": "written"]).audit.keys == .written)
    #expect(try fixture.load(environment: ["KEYVAL_AUDIT_DATA": "all"]).audit.data == .all)
    #expect(try fixture.load(overrides: ["audit.data": "all"]).audit.data == .all)
  }

  @Test("a number where a text belongs names the file and the key")
  func wrongType() throws {
    let fixture = try Fixture()
    fixture.settings["cluster"] = 7
    #expect(fixture.complaint().contains("\(fixture.file): ‘cluster’ is not a text"))
  }

  @Test("a setting that no node reads is refused, so that a slip of the pen is not a default")
  func unknownKey() throws {
    let fixture = try Fixture()
    fixture.settings["hartbeat"] = 100
    #expect(fixture.complaint().contains("‘hartbeat’ is no setting"))
    fixture.settings["hartbeat"] = nil
    #expect(fixture.complaint(overrides: ["lisen": "1"]).contains("‘lisen’ is no setting"))
  }

  @Test("a file that is not there or not JSON is named with the reason")
  func badFile() throws {
    let fixture = try Fixture()
    #expect(throws: NodeError.self) { try fixture.loadAsWritten() }
    for text in ["{\"cluster\": }", "", "[1]", "{\"cluster\": null}", "{\"listen\": [\"a\", 1]}"] {
      try fixture.write("node.json", text, mode: 0o600)
      let error = #expect(throws: NodeError.self) { try fixture.loadAsWritten() }
      #expect(error?.description.hasPrefix(fixture.file) == true)
      #expect(error?.exitStatus == 78)
    }
  }

  @Test("a keytab that others can read is refused with the command that mends it")
  func openKeytab() throws {
    let fixture = try Fixture()
    try fixture.write("keytab", "", mode: 0o640)
    let complaint = fixture.complaint()
    #expect(complaint.contains("‘keytab’") && complaint.contains("chmod 600 \(fixture.directory)/keytab"))
  }

  @Test("a data directory that others can enter, or that is a file, is refused")
  func openDirectory() throws {
    let fixture = try Fixture()
    try FileManager.default.createDirectory(
      atPath: "\(fixture.directory)/data", withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755])
    #expect(fixture.complaint().contains("chmod 700 \(fixture.directory)/data"))
    fixture.settings["directory"] = fixture.file
    #expect(fixture.complaint().contains("is no directory"))
    fixture.settings["directory"] = "\(fixture.directory)/a/b"
    #expect(fixture.complaint().contains("Make its parent directory first"))
  }

  @Test("the authority needs its CA, with a private key that is private, and names administrators")
  func authority() throws {
    let fixture = try Fixture()
    fixture.settings["authority"] = nil
    fixture.settings["name"] = "a1"
    #expect(fixture.complaint(role: .authority).contains("‘ca.certificate’ is missing"))
    fixture.settings["ca"] = [
      "certificate": "\(fixture.directory)/ca.pem", "key": "\(fixture.directory)/ca.key",
    ]
    #expect(fixture.complaint(role: .authority).contains("‘membership-key’ is missing"))
    let key = "\(fixture.directory)/membership.key"
    fixture.settings["membership-key"] = key
    #expect(fixture.complaint(role: .authority).contains("‘access’ is missing"))
    fixture.settings["access"] = "\(fixture.directory)/access.acl"
    fixture.settings["membership-key"] = nil
    #expect(
      try fixture.load(role: .authority, environment: ["KEYVAL_MEMBERSHIP_KEY": key]).authoritySettings?
        .membershipKeyPath == key)
    fixture.settings["membership-key"] = key
    fixture.settings["administrators"] = ["root@KEYVAL.TEST"]
    let settings = try fixture.load(role: .authority).authoritySettings
    #expect(settings?.administrators.map(\.text) == ["root@KEYVAL.TEST"])
    fixture.settings["administrators"] = ["keyval-drone/d1@KEYVAL.TEST"]
    #expect(fixture.complaint(role: .authority).contains("‘administrators’ holds"))
    fixture.settings["administrators"] = [String]()
    try fixture.write("membership.key", "", mode: 0o640)
    #expect(fixture.complaint(role: .authority).contains("chmod 600 \(key)"))
    try fixture.write("membership.key", "", mode: 0o600)
    try fixture.write("ca.key", "", mode: 0o604)
    #expect(fixture.complaint(role: .authority).contains("chmod 600 \(fixture.directory)/ca.key"))
  }

  @Test("the authority needs an access list that is right, and that nobody else can write")
  func accessList() throws {
    let fixture = try Fixture()
    let path = "\(fixture.directory)/access.acl"
    fixture.settings["authority"] = nil
    fixture.settings["ca"] = [
      "certificate": "\(fixture.directory)/ca.pem", "key": "\(fixture.directory)/ca.key",
    ]
    fixture.settings["membership-key"] = "\(fixture.directory)/membership.key"
    fixture.settings["access"] = path
    #expect(try fixture.load(role: .authority).authoritySettings?.accessPath == path)
    let broken = [
      ("alice@R *\nbob r\n", "\(path) (access): line 2, column 1: ‘bob’ names no realm"),
      ("", "no line that says anything"), ("alice@R *", "may have been cut off"),
    ]
    for (text, complaint) in broken {
      try fixture.write("access.acl", text, mode: 0o644)
      #expect(fixture.complaint(role: .authority).contains(complaint))
    }
    try fixture.write("access.acl", "alice@R *\n", mode: 0o664)
    #expect(fixture.complaint(role: .authority).contains("chmod go-w \(path)"))
    try FileManager.default.removeItem(atPath: path)
    #expect(fixture.complaint(role: .authority).contains("\(path) (access): cannot be read"))
  }

  @Test("a standby authority is one more address, and may be left out")
  func standby() throws {
    let fixture = try Fixture()
    #expect(try fixture.load().authorityAddresses.map(\.description) == ["127.0.0.1:6233"])
    let changed = try fixture.load(overrides: ["authority.standby": "127.0.0.1:6232"])
    #expect(changed.authorityStandby == Endpoint("127.0.0.1:6232"))
    #expect(changed.authorityAddresses.map(\.description) == ["127.0.0.1:6233", "127.0.0.1:6232"])
    let complaint = fixture.complaint(overrides: ["authority.standby": "nowhere"])
    #expect(complaint.contains("authority.standby") && complaint.contains("nowhere"))
  }
}
