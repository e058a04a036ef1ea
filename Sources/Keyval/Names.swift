import Cluster
import Routing

/// A Kerberos principal with its realm, such as `keyval-drone/d1@KEYVAL.TEST`.
public typealias Principal = Cluster.Principal
/// Where a node listens: host and port.
public typealias Endpoint = Cluster.Endpoint
/// One of 16,384 hash slots.
public typealias Slot = Cluster.Slot
/// 32 neighbouring slots: what moves as one.
public typealias Partition = Cluster.Partition
/// The state of the cluster as its commander sees it.
public typealias ClusterStatus = Cluster.ClusterStatus
/// Why an operation did not succeed: whose fault it is, and what to do.
public typealias KeyvalError = Routing.KeyvalError
/// Where a key lives, by the newest slot map that the client has.
public typealias Location = Routing.Location
/// What has to be true of a write before its caller is told that it is done.
public typealias AcknowledgementLevel = Cluster.AcknowledgementLevel
/// What an operator tells the commander to do, and what it answers.
public typealias AdministratorOrder = Cluster.AdministratorOrder
public typealias AdministratorReply = Cluster.AdministratorReply
/// A session that a drone has accepted, and some of them.
public typealias OpenSession = Cluster.OpenSession
public typealias SessionPage = Cluster.SessionPage
/// A value and its version.
public typealias VersionedValue = Routing.VersionedValue
/// Which value of a key it is: fencing token and sequence number of the write. No other value of the key ever has it.
public typealias Version = Cluster.Version
