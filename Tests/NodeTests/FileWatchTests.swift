import Cluster
import Foundation
import Glibc
import Logging
import Storage
import Testing

@testable import Node

/// What a running authority looks at again and again. The access list and the list of administrators say who may do what:
/// a file that somebody else can have written changes nothing, and counts as soon as that is mended.
@Suite("Files that a running authority watches")
struct FileWatchTests {
  private final class Site {
    let path: String
    var access: String { "\(path)/access.acl" }
    var file: String { "\(path)/node.json" }

    init() throws {
      var template = Array("/tmp/keyval-file-watch.XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
      for secret in ["keytab", "ca.key", "membership.key"] { try write(secret, "not read here", mode: 0o600) }
      for other in ["ca.pem", "membership.pem"] { try write(other, "not read here", mode: 0o644) }
      try write("access.acl", "alice@KEYVAL.TEST *\n", mode: 0o644)
      try writeAdministrators(["alice@KEYVAL.TEST"])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String, mode: mode_t) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      chmod("\(path)/\(name)", mode)
    }

    func writeAdministrators(_ people: [String]) throws {
      let settings: [String: Any] = [
        "cluster": "demo", "realm": "KEYVAL.TEST", "name": "a1", "listen": "127.0.0.1:0",
        "keytab": "\(path)/keytab", "directory": "\(path)/data", "anchors": "\(path)/ca.pem",
        "membership": "\(path)/membership.pem", "membership-key": "\(path)/membership.key",
        "ca": ["certificate": "\(path)/ca.pem", "key": "\(path)/ca.key"], "access": access,
        "administrators": people,
      ]
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: file))
      chmod(file, 0o644)
    }

    func configuration() throws -> NodeConfiguration {
      try NodeConfiguration.load(role: .authority, file: file, environment: [:])
    }
  }

  private static let people = ["alice", "bob"].map { "\($0)@KEYVAL.TEST" }

  @Test(
    "administrators: what others can have written is told once and not taken, and taken when that is mended")
  func administrators() throws {
    let site = try Site()
    let (watch, problem) = AdministratorsWatch.begin(try site.configuration())
    #expect(problem == nil)
    #expect(watch.current.map(\.text) == [Self.people[0]])

    // Where others can exchange it.
    chmod(site.path, 0o777)
    try site.writeAdministrators(Self.people)
    guard case .useless(let reason) = watch.look() else {
      Issue.record("it was believed")
      return
    }
    #expect(reason.contains("by way of \(site.path), which can be written by others (mode 777)"))
    for _ in 0..<2 {
      guard case .unchanged = watch.look() else {
        Issue.record("told again")
        return
      }
    }
    #expect(watch.current.count == 1)
    // The file itself is as it was: only the folder is mended.
    chmod(site.path, 0o700)
    guard case .changed(let now) = watch.look() else {
      Issue.record("the mended file is not taken")
      return
    }
    #expect(now.count == 2 && watch.current == now)
    guard case .unchanged = watch.look() else {
      Issue.record("nothing has changed")
      return
    }

    // The file's own mode is a change of the file.
    chmod(site.file, 0o666)
    guard case .useless(let other) = watch.look() else {
      Issue.record("it was believed")
      return
    }
    #expect(other.contains("can be written by others (mode 666)"))
    #expect(watch.current.count == 2)
  }

  @Test("access list: what others can have written is told once and not taken, and taken when that is mended")
  func accessList() throws {
    let site = try Site()
    let configuration = try site.configuration()
    let register = try AuthorityRegister(directory: configuration.directory, cluster: "demo")
    let holder = Incarnation(4_711)
    let tenure = try register.tenure()
    #expect(try register.replaceTenure(tenure, with: tenure.followed(by: holder)) == .stored)
    let (watch, first) = try AccessListWatch.begin(path: site.access, register: register, holder: holder)
    guard case .changed(let list) = first else {
      Issue.record("the first list was not taken")
      return
    }
    chmod(site.path, 0o777)
    try site.write("access.acl", "mallory@KEYVAL.TEST *\n", mode: 0o644)
    guard case .useless(let reason) = watch.look() else {
      Issue.record("it was believed")
      return
    }
    #expect(reason.contains("by way of \(site.path), which can be written by others (mode 777)"))
    for _ in 0..<2 {
      guard case .unchanged = watch.look() else {
        Issue.record("told again")
        return
      }
    }
    chmod(site.path, 0o700)
    guard case .changed(let next) = watch.look() else {
      Issue.record("the mended file is not taken")
      return
    }
    #expect(next.version == list.version + 1)
    // And what is put back is no change.
    chmod(site.access, 0o662)
    guard case .useless = watch.look() else {
      Issue.record("it was believed")
      return
    }
    chmod(site.access, 0o644)
    guard case .unchanged = watch.look() else {
      Issue.record("the same list is a change")
      return
    }
  }
}
