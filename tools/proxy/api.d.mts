/** What is wrong with the network. What is left away is as it should be. */
export interface Faults {
  /** Milliseconds that everything takes longer, each way. */
  delayMS?: number;
  /** How much passes in a second, each way and for each connection. */
  bytesPerSecond?: number;
  /** Connections are accepted and stay open, but nothing passes, either way. What waited passes when it is over. */
  stalled?: boolean;
  /** Connections that are made from now on are refused; those that are open stay. */
  refused?: boolean;
  /** A connection is reset once this many more bytes of the server's have passed on it. */
  resetAfterBytes?: number;
}

export interface ProxyOptions {
  /** The port on 127.0.0.1 of the server behind it. */
  port: number;
  /**
   * Only connections that begin with a packet in which this text occurs suffer from faults; such
   * connections are then refused by a reset behind that packet. Default: all do.
   */
  only?: string;
}

/** Passes on to a server what connects to it, on 127.0.0.1, in a thread of its own. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, and instead of what was set before. */
  set(faults: Faults): Promise<void>;
  /** The end of all faults. */
  heal(): Promise<void>;
  /** Resets the connections that are open now, and tells how many those were. */
  cut(): Promise<number>;
  /** How many connections are open that faults concern. */
  connections(): Promise<number>;
  /** Resets all connections and ends the thread. Harmless twice. */
  close(): Promise<void>;
}

export function startProxy(options: ProxyOptions): Promise<Proxy>;
