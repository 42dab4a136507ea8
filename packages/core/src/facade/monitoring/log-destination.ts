import type { Logger } from '../../driver';
import { UnusedPools, type Phase } from './main-pools';

const POOL_LINES = new Map<unknown, Phase>([
  ['Connection pool created', 'life'],
  ['Connection pool ready', 'life'],
  ['Connection pool cleared', 'life'],
  ['Connection pool closed', 'end'],
  ['Connection checkout started', 'use'],
  ['Connection created', 'use'],
]);

interface Line {
  message?: unknown;
  serverHost?: string;
  serverPort?: number;
  offloadWorker?: number;
}

/**
 * Filters and orders the lines of a client's log before its destination. Lines about unused pools on the main thread
 * are dropped. Each line waits until the one before is written, since with the driver's logger one could overtake
 * another.
 */
export function arrangeLog(logger: Logger): void {
  const { logDestination } = logger;
  const pools = new UnusedPools<Line>();
  let writing: Promise<unknown> | undefined;

  const write = (line: Line): void => {
    const written =
      writing === undefined
        ? logDestination.write(line)
        : writing.then(() => logDestination.write(line));
    if (!isPromiseLike(written)) return;
    const mine: Promise<unknown> = Promise.resolve(written).then(
      () => {
        if (writing === mine) writing = undefined;
      },
      (error: unknown) => logger.logWriteFailureHandler(error),
    );
    writing = mine;
  };

  logger.logDestination = {
    write(line: Line): void {
      const phase = line.offloadWorker === undefined ? POOL_LINES.get(line.message) : undefined;
      if (phase === undefined) return write(line);
      pools.next(phase, `${line.serverHost}:${line.serverPort}`, line).forEach(write);
    },
  };
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
