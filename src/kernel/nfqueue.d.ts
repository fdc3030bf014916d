/** Types for nfqueue 0.3.2, which has none of its own. They cover what queue.ts uses. */
declare module 'nfqueue' {
  interface NfqPacket {
    /** `indev` is the interface's index, 0 when unknown; `nfmark` the packet mark. */
    readonly info: { readonly id: number; readonly indev: number; readonly nfmark: number }
    /** The packet from its IP header on. It is a copy, and may be kept. */
    readonly payload: Buffer
    /** `mark` is set only if it is not 0. `payload` replaces the packet. */
    setVerdict(verdict: number, mark?: number | null, payload?: Buffer): void
  }
  interface NfQueue {
    open(queue: number, receiveBufferBytes: number): void
    run(callback: (packet: NfqPacket) => void): void
  }
  const nfqueue: { NF_DROP: 0; NF_ACCEPT: 1; NF_REPEAT: 4; NFQueue: new () => NfQueue }
  export default nfqueue
}
