/// A slot map as it travels. Clients dial only principals and addresses of a map so signed.
public typealias SignedSlotMap = Signed<SlotMap>

extension SlotMap: SignedContent {
  public static var context: String { "keyval/1 slot map" }
  public static var maximumBodyLength: Int { 128 << 10 }
  public var signer: Principal? { commander }
}
