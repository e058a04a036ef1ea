import ClusterFixture
import Foundation
import Glibc
import KerberosFixture
import LocalCluster
import Provisioning
import Testing

extension SecurityTests {
  @Suite("Secrets")
  struct SecretsTests {
    @Test(
      "no log, and no audit log, has a value, a key, a password or a private key in it, however it is spelled"
    )
    func logs() async throws {
      let target = try await Target.shared
      let directory = target.cluster.directory
      let layout = try target.cluster.realm().layout
      for secret in Secrets.pairs {
        #expect(try await target.client.get(Array(secret.key.utf8)) == Array(secret.value.utf8))
      }
      var secrets: [(what: String, text: String)] = []
      for secret in Secrets.pairs {
        for text in [secret.key, secret.value] {
          secrets.append(("a key or value", text))
          secrets += Secrets.spellings(of: Array(text.utf8)).map { ("a key or value", $0) }
        }
      }
      let password = String(decoding: try Files.bytes(directory.password(of: "alice")), as: UTF8.self)
      secrets.append(("alice's password", password.trimmingCharacters(in: .whitespacesAndNewlines)))
      let keytabs =
        target.cluster.directory.keytabPaths(of: ["db1", "d1", "d2", "d3"]) + [layout.authorityKeytab]
      for keytab in keytabs {
        let keys = Secrets.keys(inKeytab: try Files.bytes(keytab))
        #expect(!keys.isEmpty, "\(keytab)")
        for key in keys { secrets += Secrets.spellings(of: key).map { ("a key of \(keytab)", $0) } }
      }
      for path in [layout.electionCAKey, layout.membershipKey, layout.kdcKey] {
        let lines = String(decoding: try Files.bytes(path), as: UTF8.self).split(separator: "\n")
        secrets += lines.filter { !$0.hasPrefix("-") && $0.count > 20 }.map {
          ("a line of \(path)", String($0))
        }
      }
      for text in ["PRIVATE KEY", "BEGIN ", "password="] { secrets.append(("something secret", text)) }

      let logs = Files.all(below: directory.logs).filter { $0.hasSuffix(".log") }
      #expect(logs.count >= 5)
      let records = Files.all(below: directory.nodes).filter {
        $0.contains(".jsonl") && !$0.hasSuffix(".lock")
      }
      #expect(records.count >= 5)
      for path in logs + records + [layout.kdcLog, layout.kadmindLog, layout.kdcOutput, layout.kadmindOutput]
      {
        let text = String(decoding: (try? Files.bytes(path)) ?? [], as: UTF8.self)
        for secret in secrets {
          #expect(!text.contains(secret.text), "\(path) shows \(secret.what)")
        }
      }
      // The search finds what is there.
      let shown = target.cluster.log(of: "d1")
      #expect(shown.contains(target.cluster.principal("keyval-drone/d1")) && shown.contains(" debug "))
    }

    @Test("what a cluster keeps is closed to others, but for what everybody must know")
    func permissions() async throws {
      let target = try await Target.shared
      let directory = target.cluster.directory
      let layout = try target.cluster.realm().layout
      let configurations = ["a1", "db1", "d1", "d2", "d3"].map(directory.configuration(of:))
      let open =
        Set(configurations)
        .union([
          directory.record, directory.clientConfiguration, layout.settings, layout.clientConfiguration,
          layout.anchors, layout.membershipPublicKey, directory.accessList,
        ])
      let files = Files.all(below: directory.path).filter { !$0.contains("/attack") }
      #expect(files.count > 30)
      for path in files {
        // krb5kdc and kadmind set the modes of their logs themselves: those stand in a closed directory.
        if path == layout.kdcLog || path == layout.kadmindLog {
          #expect(Files.mode(of: layout.kdcDirectory).map { $0 & 0o077 } == 0)
          continue
        }
        // A store's side files come and go.
        guard let mode = Files.mode(of: path) else { continue }
        var isDirectory: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        if isDirectory.boolValue {
          #expect(mode & 0o022 == 0, "\(path) may be changed by others: \(String(mode, radix: 8))")
        } else if open.contains(path) {
          #expect(mode & 0o022 == 0, "\(path) may be changed by others: \(String(mode, radix: 8))")
        } else {
          #expect(mode & 0o077 == 0, "\(path) may be read by others: \(String(mode, radix: 8))")
        }
      }
    }

    @Test(
      "a process of a drone's user reads no other's key: not the election CA's, not the KDC's, no other node's",
      .enabled(if: geteuid() == 0, "only root's nodes run as users of their own"))
    func usersOfTheirOwn() async throws {
      let target = try await Target.shared
      let directory = target.cluster.directory
      let layout = try target.cluster.realm().layout
      var users: [String: UInt32] = [:]
      for process in try target.cluster.processes {
        users[process.name] = try Processes.user(of: process.pid)
      }
      #expect(users["krb5kdc"] == users["kadmind"] && Set(users.values).count == users.count - 1, "\(users)")
      let drone = try #require(users["d1"])
      let secrets =
        [
          layout.electionCAKey, layout.membershipKey, layout.authorityKeytab, layout.kdcKey,
          "\(layout.kdcDirectory)/principal", "\(layout.kdcDirectory)/stash", directory.password(of: "alice"),
          directory.cache(of: "alice"),
          "\(directory.data(of: "a1"))/authority.sqlite", directory.log(of: "a1"),
        ] + directory.keytabPaths(of: ["db1", "d2", "d3"]) + Files.all(below: directory.data(of: "db1"))
      // The attempt itself works: a drone reads its own keytab, and what everybody may read.
      for path in directory.keytabPaths(of: ["d1"]) + [layout.anchors] {
        #expect(try Files.isReadable(path, by: drone), "\(path)")
      }
      for path in secrets {
        #expect(access(path, F_OK) == 0, "\(path) is not there")
        #expect(try !Files.isReadable(path, by: drone), "\(path) is read by a drone's user")
      }
      try await target.isUnharmed()
    }

    @Test("no process shows a password in its arguments or its environment")
    func arguments() async throws {
      let target = try await Target.shared
      let password = String(
        decoding: try Files.bytes(target.cluster.directory.password(of: "alice")), as: UTF8.self
      ).trimmingCharacters(in: .whitespacesAndNewlines)
      for process in try target.cluster.processes {
        // What nodes are told by their environment only root sees.
        let isShown = geteuid() == 0 || [.kdc, .kadmind].contains(process.role)
        for file in isShown ? ["cmdline", "environ"] : ["cmdline"] {
          let text = String(decoding: (try? Files.bytes("/proc/\(process.pid)/\(file)")) ?? [], as: UTF8.self)
          #expect(!text.isEmpty && !text.contains(password), "\(process.name)")
        }
      }
    }

    @Test(
      "a node whose keytab others can read does not start, and says what to type",
      arguments: ["drone", "database"])
    func openKeytab(role: String) async throws {
      let target = try await Target.shared
      let name = "open-\(role)"
      let keytab = try target.scratch(name)
      let own = try target.scratch("\(name)-own")
      try target.cluster.realm().addService(name: "keyval-\(role)/\(name)", keytab: keytab)
      _ = try Target.copy(keytab, to: own)
      chmod(own, 0o640)
      let settings: [String: Any] = [
        "cluster": "test", "realm": target.cluster.realmName, "name": name, "listen": "127.0.0.1:0",
        "keytab": own, "directory": try target.scratch("\(name)-data"),
        "anchors": try target.cluster.realm().layout.anchors,
        "membership": try target.cluster.realm().layout.membershipPublicKey,
        "authority": [
          "principal": try target.authority.principal, "address": "\(try target.authority.address)",
        ],
      ]
      let file = try target.scratch("\(name).json")
      try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: file))
      let process = Process()
      process.executableURL = URL(fileURLWithPath: target.cluster.program)
      process.arguments = [role, "--config", file]
      process.environment = ["KRB5_CONFIG": try target.cluster.realm().layout.clientConfiguration]
      let (output, complaints) = (Pipe(), Pipe())
      (process.standardOutput, process.standardError) = (output, complaints)
      try process.run()
      let said = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationReason == .exit && process.terminationStatus != 0)
      #expect(said.contains(own) && said.contains("mode 640") && said.contains("chmod 600 \(own)"), "\(said)")
      #expect(output.fileHandleForReading.readDataToEndOfFile().isEmpty)
      try await target.isUnharmed()
    }
  }
}

extension ClusterDirectory {
  fileprivate func keytabPaths(of nodes: [String]) -> [String] { nodes.map(keytab(of:)) }
}
