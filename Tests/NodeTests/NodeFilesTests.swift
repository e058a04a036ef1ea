import Cluster
import Drone
import Foundation
import Glibc
import LocalTrust
import Testing

@testable import Node

@Suite("Files that a node believes")
struct NodeFilesTests {
  private final class Folder {
    let path: String

    init() throws {
      var template = Array("/tmp/keyval-node-files.XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func problem(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("a drone's promise comes back as it was stored, and not when others can read it or write beside it")
  func promise() throws {
    let folder = try Folder()
    let store = VoteStore(directory: folder.path)
    #expect(try store.load() == .none, "nothing was stored")
    let promise = VotePromise(term: Term(7), candidate: nil)
    try store.store(promise)
    #expect(try store.load() == promise)
    let file = "\(folder.path)/promise"
    chmod(file, 0o640)
    #expect(problem { _ = try store.load() }?.contains("chmod 600 \(file)") == true)
    chmod(file, 0o600)
    chmod(folder.path, 0o777)
    #expect(problem { _ = try store.load() }?.contains("by way of \(folder.path), which") == true)
    chmod(folder.path, 0o700)
    #expect(try store.load() == promise)
    // A link, even to a file that is as it should be, is not what was stored.
    #expect(rename(file, "\(folder.path)/elsewhere") == 0 && symlink("elsewhere", file) == 0)
    #expect(problem { _ = try store.load() }?.contains("is no plain file but a link") == true)
    // And storing replaces it, rather than what it leads to.
    let next = VotePromise(term: Term(8), candidate: nil)
    try store.store(next)
    #expect(try store.load() == next)
    #expect(
      try DurableFile(directory: folder.path, name: "elsewhere").load(maximum: 4096) == promise.encoded())
  }

  @Test("a krb5.conf that others can write is refused, and one that is not there is none")
  func kerberosConfiguration() throws {
    let folder = try Folder()
    let file = "\(folder.path)/krb5.conf"
    let list = ["KRB5_CONFIG": "\(folder.path)/none:\(file)"]
    #expect(problem { try NodeFiles.requireKerberosConfiguration(list) } == nil)
    try "[libdefaults]".write(toFile: file, atomically: false, encoding: .utf8)
    chmod(file, 0o644)
    #expect(problem { try NodeFiles.requireKerberosConfiguration(list) } == nil)
    chmod(file, 0o666)
    let complaint = try #require(problem { try NodeFiles.requireKerberosConfiguration(list) })
    #expect(complaint.contains("\(file) (KRB5_CONFIG): can be written by others (mode 666)"), "\(complaint)")
  }

  @Test("a data directory is not made where others can make names, but in one like /tmp it is")
  func dataDirectory() throws {
    let folder = try Folder()
    let data = "\(folder.path)/data"
    chmod(folder.path, 0o777)
    let complaint = try #require(problem { try NodeFiles.prepareDirectory(data, key: "directory") })
    #expect(
      complaint.contains("\(data) (directory): cannot be used: its folder \(folder.path) can be written"))
    #expect(access(data, F_OK) != 0)
    chmod(folder.path, 0o1777)
    #expect(problem { try NodeFiles.prepareDirectory(data, key: "directory") } == nil)
    chmod(data, 0o750)
    #expect(
      problem { try NodeFiles.prepareDirectory(data, key: "directory") }?.contains("chmod 700 \(data)")
        == true)
  }
}
