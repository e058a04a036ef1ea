import Foundation

/// What a server and a client of TLS show each other, made with `openssl`: of no worth beyond a run.
package enum TLSCertificates {
  /// P-256 throughout: a CA, a server, a client.
  package static func make(in directory: String) async throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    func openssl(_ arguments: String...) async throws {
      try await Program.start("openssl", arguments, log: "\(directory)/certificates.log").finish()
    }
    func newKey(_ name: String) async throws {
      try await openssl(
        "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
        "\(directory)/\(name).key")
    }
    try await newKey("ca")
    try await openssl(
      "req", "-x509", "-new", "-key", "\(directory)/ca.key", "-subj", "/CN=bench CA", "-days", "2",
      "-out", "\(directory)/ca.crt")
    for name in ["server", "client"] {
      try await newKey(name)
      try await openssl(
        "req", "-new", "-key", "\(directory)/\(name).key", "-subj", "/CN=\(name)", "-out",
        "\(directory)/\(name).csr")
      try await openssl(
        "x509", "-req", "-in", "\(directory)/\(name).csr", "-CA", "\(directory)/ca.crt",
        "-CAkey", "\(directory)/ca.key", "-CAcreateserial", "-days", "2", "-out", "\(directory)/\(name).crt")
    }
  }
}
