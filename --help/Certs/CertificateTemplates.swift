/// The OpenSSL configuration templates beside this file, as they stand in the binary.
///
/// `PackageResources` is made by SwiftPM from the `.embedInCode` resources on this target's line in
/// Package.swift: a binary creates a realm anywhere, without files of its own.
public enum CertificateTemplates {
  /// `election-ca.cnf`
  public static let electionCA = text(PackageResources.election_ca_cnf)
  /// `election-certificate.cnf`
  public static let electionCertificate = text(PackageResources.election_certificate_cnf)
  /// `kdc-certificate.cnf`
  public static let kdcCertificate = text(PackageResources.kdc_certificate_cnf)

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
