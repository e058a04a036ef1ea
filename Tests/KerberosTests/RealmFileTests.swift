import Glibc
import Testing

@testable import Provisioning

/// What root takes over from the daemons' folder, where the daemons' user may have put anything.
@Suite("A secret that is moved out of another user's folder")
struct RealmFileTests {
  private final class Folder {
    let path: String

    init() throws {
      var template = Array("/tmp/keyval-test-move.XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { _ = try? ProgramRun.run(["/bin/rm", "-rf", path], environment: [:], user: .current) }

    var source: String { "\(path)/draft" }
    var target: String { "\(path)/keytab" }

    func write(_ text: String, to path: String, by user: UnixUser = .current) throws {
      try RealmFile.write(text, to: path, mode: 0o600, owner: user)
    }

    /// The sentence with which it is refused; nil when it is moved.
    func complaint(of former: UnixUser = .current) -> String? {
      do throws(ProvisioningError) {
        try RealmFile.move(source, of: former, to: target, owner: .current)
        return nil
      } catch {
        return error.description
      }
    }
  }

  private func status(_ path: String) throws -> stat {
    var status = stat()
    try #require(lstat(path, &status) == 0, "\(path)")
    return status
  }

  /// Root's tests hand files to somebody else, as root's realm does.
  private let former = geteuid() == 0 ? UnixUser(uid: 61_190, gid: 61_190) : .current

  @Test("it arrives whole, for its new owner alone, in a file that the former owner never had")
  func moved() throws {
    let folder = try Folder()
    try folder.write("the key", to: folder.source, by: former)
    let before = try status(folder.source)
    // What the former owner keeps open: neither reads nor writes what is there now.
    let kept = open(folder.source, O_RDWR | O_CLOEXEC)
    defer { close(kept) }
    #expect(folder.complaint(of: former) == nil)
    let after = try status(folder.target)
    #expect(after.st_uid == geteuid() && after.st_mode & 0o7777 == 0o600 && after.st_nlink == 1)
    #expect(after.st_ino != before.st_ino)
    #expect(pwrite(kept, "another", 7, 0) == 7)
    #expect(try RealmFile.read(folder.target) == "the key")
    #expect(access(folder.source, F_OK) != 0)
  }

  @Test("a link is not followed, and what it leads to stays where and whose it is")
  func link() throws {
    let folder = try Folder()
    let elsewhere = "\(folder.path)/shadow"
    try folder.write("root's own", to: elsewhere)
    try #require(symlink(elsewhere, folder.source) == 0)
    #expect(folder.complaint() != nil)
    #expect(access(folder.target, F_OK) != 0)
    #expect(try RealmFile.read(elsewhere) == "root's own")
    #expect(try status(elsewhere).st_uid == geteuid())
  }

  @Test("a second name of a file, another user's file, a folder and a pipe are refused")
  func others() throws {
    let folder = try Folder()
    let elsewhere = "\(folder.path)/shadow"
    try folder.write("root's own", to: elsewhere)
    try #require(Glibc.link(elsewhere, folder.source) == 0)
    let sentence =
      "\(folder.source) is not what was written there: it is no plain file of user \(geteuid()) with one name"
    #expect(folder.complaint()?.hasPrefix(sentence) == true)
    unlink(folder.source)

    try folder.write("mine", to: folder.source)
    let stranger = UnixUser(uid: geteuid() + 1, gid: getegid())
    #expect(folder.complaint(of: stranger)?.contains("no plain file of user \(stranger.uid)") == true)
    unlink(folder.source)

    // Nobody writes to it: who waited for that would wait for ever.
    try #require(mkfifo(folder.source, 0o600) == 0)
    #expect(folder.complaint()?.hasPrefix(sentence) == true)
    unlink(folder.source)
    try #require(mkdir(folder.source, 0o700) == 0)
    #expect(folder.complaint()?.hasPrefix(sentence) == true)
    #expect(access(folder.target, F_OK) != 0)
  }

  @Test("a realm is not made where others can make names, and nothing is opened up by a link")
  func realm() throws {
    let folder = try Folder()
    let inner = "\(folder.path)/inner"
    try #require(mkdir(inner, 0o700) == 0 && symlink(inner, "\(folder.path)/realm") == 0)
    func complaint() -> String {
      do throws(ProvisioningError) {
        _ = try RealmCreation.create(RealmSettings(realm: "LINK.TEST"), directory: "\(folder.path)/realm")
        return "it was made"
      } catch {
        return error.description
      }
    }
    #expect(complaint().contains("is no directory itself"))
    #expect(try status(inner).st_mode & 0o777 == 0o700, "a private folder was opened to others")
    unlink("\(folder.path)/realm")
    chmod(folder.path, 0o777)
    #expect(complaint().contains("\(folder.path) can be written by others (mode 777)"))
    #expect(access("\(folder.path)/realm", F_OK) != 0)
  }
}
