import Authority
import Cluster
import Kerberos
import Logging
import NIOCore
import NIOPosix
import Storage

/// What blocks: the register on one thread, the KDC's administration on another. Each does one thing after the
/// other, in the order in which they were asked for, so a late answer never undoes a newer one.
struct AuthorityOffice: Sendable {
  /// Seconds that a one-time password lives.
  static let enrollmentSeconds: UInt64 = 600

  private let register: AuthorityRegister
  /// In whose name the register is written to.
  private let holder: Incarnation
  private let accessList: AccessListWatch
  private let administrators: AdministratorsWatch
  private let kadmin: Kadmin
  private let signer: CertificateSigner
  private let logger: Logger
  private let registerThread = NIOThreadPool(numberOfThreads: 1)
  private let kadminThread = NIOThreadPool(numberOfThreads: 1)

  init(
    register: AuthorityRegister, holder: Incarnation, accessList: AccessListWatch,
    administrators: AdministratorsWatch, kadmin: Kadmin, signer: CertificateSigner, logger: Logger
  ) {
    self.logger = logger
    self.register = register
    self.holder = holder
    self.accessList = accessList
    self.administrators = administrators
    self.kadmin = kadmin
    self.signer = signer
    registerThread.start()
    kadminThread.start()
  }

  /// Ends the threads when they have done what they were asked.
  func close() async {
    try? await kadminThread.shutdownGracefully()
    try? await registerThread.shutdownGracefully()
  }

  // MARK: The register

  func read(_ operation: UInt64, on loop: any EventLoop) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        return .registerRead(operation: operation, try register.contents())
      } catch {
        return .failed(operation: operation, reason: error.description)
      }
    }
  }

  func replace(
    _ operation: UInt64, _ record: OfficeRecord, membership: UInt64?, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        switch try register.replaceOffice(record, membership: membership, holder: holder) {
        case .stored: return .officeReplaced(operation: operation, .stored)
        case .stale(let current): return .officeReplaced(operation: operation, .stale(current))
        }
      } catch {
        return .officeReplaced(operation: operation, .failed(reason: error.description))
      }
    }
  }

  func lookAtAccessList(on loop: any EventLoop) -> EventLoopFuture<AccessListWatch.Finding> {
    registerThread.runIfActive(eventLoop: loop) { accessList.look() }
  }

  func lookAtAdministrators(on loop: any EventLoop) -> EventLoopFuture<AdministratorsWatch.Finding> {
    registerThread.runIfActive(eventLoop: loop) { administrators.look() }
  }

  func store(_ node: EnrolledNode, on loop: any EventLoop) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        return .nodeStored(node, try register.store(node, holder: holder))
      } catch {
        return .nodeNotStored(node, reason: error.description)
      }
    }
  }

  func remove(
    _ operation: UInt64, _ node: Principal, isDead: Bool, membership: UInt64, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        let contents = try register.remove(node, isDead: isDead, membership: membership, holder: holder)
        return .nodeRemoved(operation: operation, contents)
      } catch {
        // This reason is told to the administrator.
        logger.error(
          "node not removed",
          metadata: [NodeLogging.Key.principal: "\(node)", NodeLogging.Key.reason: "\(error)"])
        return .failed(operation: operation, reason: error.told)
      }
    }
  }

  func judge(
    _ database: Principal, _ report: StoreReport, now: Int64, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        let judgement = try register.judge(report.mark, of: database, now: now, holder: holder)
        return .storeJudged(database, report, judgement)
      } catch {
        return .storeNotJudged(database, reason: error.description)
      }
    }
  }

  func accept(
    _ operation: UInt64, _ database: Principal, _ known: KnownStore, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do throws(StoreError) {
        try register.accept(known, of: database, holder: holder)
        return .storeAccepted(operation: operation, database, known)
      } catch {
        // This reason is told to the administrator.
        logger.error(
          "store not accepted",
          metadata: [NodeLogging.Key.principal: "\(database)", NodeLogging.Key.reason: "\(error)"])
        return .failed(operation: operation, reason: error.told)
      }
    }
  }

  func readmit(_ node: Principal, on loop: any EventLoop) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) { .readmitted(try register.readmit(node, holder: holder)) }
  }

  func count(_ version: UInt64, on loop: any EventLoop) -> EventLoopFuture<Void> {
    registerThread.runIfActive(eventLoop: loop) { try register.count(version, holder: holder) }
  }

  func issue(
    _ operation: UInt64, _ order: CertificateOrder, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    registerThread.runIfActive(eventLoop: loop) {
      do {
        let certificate = try signer.sign(order, register: register.contents().office)
        return .certificateIssued(operation: operation, certificate: certificate)
      } catch {
        return .failed(operation: operation, reason: "\(error)")
      }
    }
  }

  // MARK: The KDC

  func createOffice(
    _ operation: UInt64, _ term: Term, _ fingerprint: [UInt8], on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    kadminThread.runIfActive(eventLoop: loop) {
      do throws(KerberosError) {
        try kadmin.createOffice(term: term.number, keyFingerprint: fingerprint)
        return .officeCreated(operation: operation, .bearsTheKey)
      } catch {
        return error.reason == .burnt
          ? .officeCreated(operation: operation, .burnt)
          : .failed(operation: operation, reason: error.description)
      }
    }
  }

  /// The certificate by which the commander gets its tickets; its secret is read at the KDC each time.
  func issue(_ order: TicketCertificateOrder, on loop: any EventLoop) -> EventLoopFuture<AuthorityEvent> {
    kadminThread.runIfActive(eventLoop: loop) {
      Result { try kadmin.officeSecret(term: order.term.number) }
    }.flatMap { secret in
      registerThread.runIfActive(eventLoop: loop) {
        do {
          let certificate = try signer.sign(
            order, secret: secret.get(), register: register.contents().office)
          return .ticketCertificateIssued(order, certificate: certificate)
        } catch {
          return .ticketCertificateNotIssued(order, reason: "\(error)")
        }
      }
    }
  }

  func deleteOffices(
    _ operation: UInt64, below term: Term, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    kadminThread.runIfActive(eventLoop: loop) {
      do throws(KerberosError) {
        for lower in try kadmin.listOffices() where lower < term.number {
          try kadmin.deleteOffice(term: lower)
        }
        return .lowerOfficesDeleted(operation: operation)
      } catch {
        return .failed(operation: operation, reason: error.description)
      }
    }
  }

  func clearExpiry(_ node: Principal, on loop: any EventLoop) -> EventLoopFuture<AuthorityEvent> {
    kadminThread.runIfActive(eventLoop: loop) {
      do throws(KerberosError) {
        try kadmin.clearExpiry(principal: node.text)
        return .expiryCleared(node)
      } catch {
        return .expiryNotCleared(node, reason: error.description)
      }
    }
  }

  /// The answer holds the password; nothing else does, once it has been sent.
  func enroll(
    _ node: Principal, number: UInt64, for administrator: Principal, on loop: any EventLoop
  ) -> EventLoopFuture<AuthorityEvent> {
    kadminThread.runIfActive(eventLoop: loop) {
      .enrollmentAnswered(create(node, number: number), node, for: administrator)
    }
  }

  private func create(_ node: Principal, number: UInt64) -> EnrollmentAnswer {
    let password = OneTimePassword.generate()
    do throws(KerberosError) {
      try kadmin.createNode(
        principal: node.text, oneTimePassword: password, expiresIn: Int64(Self.enrollmentSeconds))
      return EnrollmentAnswer(
        number: number, outcome: .created(password: password, secondsToLive: Self.enrollmentSeconds))
    } catch {
      logger.warning(
        "principal not created",
        metadata: [NodeLogging.Key.principal: "\(node)", NodeLogging.Key.reason: "\(error)"])
      return EnrollmentAnswer(number: number, outcome: .refused(reason: Self.told(error, node)))
    }
  }

  /// What an administrator is told. The authority's keytab and Kerberos's own words stay in its log.
  private static func told(_ error: KerberosError, _ node: Principal) -> String {
    switch error.reason {
    case .alreadyExists:
      "\(node) exists already. If nobody uses it, delete it first on the KDC's machine "
        + "(kadmin.local delprinc \(node)), since the authority may not do that"
    case .notPermitted:
      "the KDC gives the authority no right to create \(node): its line in kadm5.acl, on the KDC's machine, is missing"
    case .kdcUnreachable: "the authority does not reach the realm's kadmind; see that it runs, and ask again"
    default: "the KDC did not create \(node); the authority's log has the reason"
    }
  }
}
