/** The faults of the network. An absent field means no fault. */
export interface Faults {
  /** Delay in milliseconds, in each direction. */
  delayMS?: number;
  /** Bytes per second, in each direction, for each connection. */
  bytesPerSecond?: number;
  /**
   * Connections are accepted and stay open, but no data passes in either direction. Waiting data passes when the
   * fault ends.
   */
  stalled?: boolean;
  /** New connections are refused; open ones stay. */
  refused?: boolean;
  /** A connection is reset after this number of further bytes from the server. */
  resetAfterBytes?: number;
}

export interface ProxyOptions {
  /** The port of the server on 127.0.0.1. */
  port: number;
  /**
   * Faults affect only connections whose first packet contains this text. Such a connection is refused by a reset
   * after that packet. Default: faults affect all connections.
   */
  only?: string;
}

/** Forwards connections on 127.0.0.1 to a server, in a thread of its own. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Replaces the current faults. */
  set(faults: Faults): Promise<void>;
  /** Ends all faults. */
  heal(): Promise<void>;
  /** Resets the open connections and returns their number. */
  cut(): Promise<number>;
  /** Returns the number of open connections that faults affect. */
  connections(): Promise<number>;
  /** Resets all connections and ends the thread. Calling it twice is harmless. */
  close(): Promise<void>;
}

export function startProxy(options: ProxyOptions): Promise<Proxy>;
