import Foundation
import Glibc
import Testing

@testable import LocalTrust

@Suite("Paths that decide something")
struct TrustedPathTests {
  private let site: Site
  init() throws { site = try Site() }

  private func refusalOfFile(_ path: String, _ rule: TrustedPath.FileRule = .decisive) -> TrustError? {
    let opened = refusal { () throws(TrustError) in _ = try TrustedPath.open(path, rule) }
    let checked = refusal { () throws(TrustError) in try TrustedPath.check(path, rule) }
    #expect(opened == checked, "to open and to look are one rule")
    return opened
  }

  @Test("a file of this user that nobody else can write is read, also by way of links of this user")
  func own() throws {
    let file = try site.file("access.acl", "alice *", mode: 0o644)
    #expect(try TrustedPath.open(file, .decisive).text(maximum: 100) == "alice *")
    let folder = try site.folder("folder", mode: 0o755)
    for link in [
      try site.link("absolute", to: file), try site.link("relative", to: "folder/../access.acl"),
      try site.link("chain", to: "relative"),
    ] {
      #expect(try TrustedPath.open(link, .decisive).text(maximum: 100) == "alice *", "\(link)")
    }
    #expect(symlink(site.path, "\(folder)/up") == 0)
    #expect(try TrustedPath.open("\(folder)/up/./access.acl", .decisive).text(maximum: 100) == "alice *")
    #expect(refusalOfFile("/etc/passwd") == nil, "root's is everybody's to believe")
  }

  @Test("a file that group or others can write is refused", arguments: [0o664, 0o646, 0o666] as [mode_t])
  func writable(mode: mode_t) throws {
    let file = try site.file("access.acl", mode: mode)
    let error = try #require(refusalOfFile(file))
    #expect(error.fault == .writable(mode: mode) && error.step == file)
    #expect(error.description.contains("chmod go-w \(file)"))
  }

  @Test(
    "a secret that others can read is refused, and one that is named by a link", arguments: [0o640, 0o604])
  func readable(mode: mode_t) throws {
    let file = try site.file("keytab", mode: mode)
    #expect(refusalOfFile(file, .secret)?.fault == .readable(mode: mode))
    #expect(refusalOfFile(file, .decisive) == nil, "the control: what is no secret may be read")
    chmod(file, 0o600)
    #expect(refusalOfFile(file, .secret) == nil)
    let link = try site.link("link", to: file)
    #expect(refusalOfFile(link, .secret)?.fault == .link)
    #expect(refusalOfFile(link, .decisive) == nil)
  }

  @Test("a folder on the way that others can write is refused, unless it is one like /tmp")
  func folders() throws {
    let folder = try site.folder("open", mode: 0o777)
    let file = try site.file("open/access.acl", mode: 0o644)
    let error = try #require(refusalOfFile(file))
    #expect(error.fault == .writable(mode: 0o777) && error.step == folder && error.path == file)
    #expect(error.description.contains("\(folder), which can be written by others (mode 777)"))
    chmod(folder, 0o775)
    #expect(refusalOfFile(file)?.step == folder)
    chmod(folder, 0o1777)
    #expect(refusalOfFile(file) == nil)
    // Where everybody may give names, an old file of ours may have got one.
    #expect(Glibc.link(file, "\(site.path)/second") == 0)
    #expect(refusalOfFile(file)?.fault == .secondName)
  }

  @Test("what is no plain file is not opened, nor waited for")
  func kinds() throws {
    #expect(mkfifo("\(site.path)/pipe", 0o600) == 0)
    #expect(refusalOfFile("\(site.path)/pipe")?.fault == .noPlainFile)
    #expect(refusalOfFile(site.path)?.fault == .noPlainFile)
    #expect(refusalOfFile("/dev/null")?.fault == .noPlainFile)
  }

  @Test("links in a circle, a missing file and a file for a folder are told as such")
  func nowhere() throws {
    let circle = try site.link("circle", to: "circle")
    #expect(refusalOfFile(circle)?.fault == .tooManyLinks)
    let missing = "\(site.path)/missing"
    #expect(refusalOfFile(missing) == TrustError(path: missing, step: missing, .unreachable(ENOENT)))
    let file = try site.file("file")
    #expect(refusalOfFile("\(file)/below")?.fault == .unreachable(ENOTDIR))
    #expect(
      refusal { () throws(TrustError) in try TrustedPath.checkFolder(file, .kept) }?.fault == .noDirectory)
  }

  @Test("more than the maximum is not read")
  func length() throws {
    let file = try site.file("file", String(repeating: "x", count: 1_000))
    #expect(try TrustedPath.open(file, .secret).read(maximum: 1_000).count == 1_000)
    let error = refusal { () throws(TrustError) in _ = try TrustedPath.open(file, .secret).read(maximum: 999)
    }
    #expect(error?.fault == .tooLarge(limit: 999))
  }

  @Test("a folder to keep things in is nobody else's to write, not even one like /tmp")
  func kept() throws {
    func fault(_ path: String, _ rule: TrustedPath.FolderRule) -> TrustError.Fault? {
      refusal { () throws(TrustError) in try TrustedPath.checkFolder(path, rule) }?.fault
    }
    #expect(fault("/tmp", .passable) == nil)
    #expect(fault("/tmp", .kept) == .writable(mode: 0o1777))
    let folder = try site.folder("data", mode: 0o711)
    #expect(fault(folder, .kept) == nil)
    #expect(fault(folder, .closed) == .readable(mode: 0o711))
    chmod(folder, 0o700)
    #expect(fault(folder, .closed) == nil)
  }

  @Test(
    "the folder of a file is what stands before its name",
    arguments: [("/a/b", "/a"), ("/a", "/"), ("a", "."), ("a/b/", "a"), ("/", "/"), ("a/", "."), ("", ".")])
  func folder(path: String, folder: String) {
    #expect(TrustedPath.folder(of: path) == folder)
  }

  // MARK: Another user's, which only root can make

  @Test("another user's file, folder and link are refused, each by name")
  func strangers() throws {
    guard geteuid() == 0 else { return try strangersSeenByAnybody() }
    let file = try site.file("access.acl", mode: 0o644)
    try site.giveAway(file)
    let error = try #require(refusalOfFile(file))
    #expect(error.fault == .foreignOwner(Site.stranger) && error.step == file)
    #expect(error.description.contains("belongs to user \(Site.stranger); this process is user 0"))

    let folder = try site.folder("theirs", mode: 0o755)
    let below = try site.file("theirs/access.acl", mode: 0o644)
    #expect(refusalOfFile(below) == nil, "the control")
    try site.giveAway(folder)
    let further = try #require(refusalOfFile(below))
    #expect(further.fault == .foreignOwner(Site.stranger) && further.step == folder && further.path == below)
    #expect(further.description.contains("by way of \(folder), which belongs to user \(Site.stranger)"))
    // By another way to the same file, too.
    #expect(refusalOfFile(try site.link("way", to: below))?.step == folder)
    // Unless it is a user whom we made.
    let made = TrustedOwners.rootAndSelf.and(Site.stranger)
    #expect(try TrustedPath.open(below, .decisive, owners: made).owner == 0)

    let good = try site.file("good", mode: 0o644)
    let link = try site.link("link", to: good)
    #expect(refusalOfFile(link) == nil, "the control")
    try site.giveAway(link)
    #expect(refusalOfFile(link)?.fault == .foreignOwner(Site.stranger))
  }

  /// Without root: root's secrets are not this user's, and this user's are no stranger's.
  private func strangersSeenByAnybody() throws {
    #expect(refusalOfFile("/etc/shadow", .secret)?.fault == .foreignOwner(0))
    let file = try site.file("own", mode: 0o600)
    #expect(refusalOfFile(file, .secret) == nil)
  }

  @Test(
    "a folder that is exchanged after it was looked at changes nothing: what was looked at is what is read")
  func exchanged() throws {
    let folder = try site.folder("folder", mode: 0o755)
    let file = try site.file("folder/access.acl", "the good one", mode: 0o644)
    let opened = try TrustedPath.open(file, .decisive)
    let other = try site.folder("other", mode: 0o755)
    _ = try site.file("other/access.acl", "the bad one", mode: 0o644)
    #expect(rename(folder, "\(site.path)/away") == 0 && rename(other, folder) == 0)
    #expect(try opened.text(maximum: 100) == "the good one")
  }
}
