import { noLongerThan } from '../abort';

/** How long, in ms, what ends as a client closes may hold that up. A server that answers takes a few. */
const ENDING_MS = 1_000;
const FORCED_ENDING_MS = 250;

/** Ends all of a client that closes. Where the server does not answer, the close goes on, which ends what is left. */
export async function endEach<T>(
  all: T[],
  end: (one: T) => Promise<void>,
  force: boolean,
): Promise<void> {
  if (all.length === 0) return;
  const ended = Promise.allSettled(all.map(async (one) => await end(one)));
  await noLongerThan(force ? FORCED_ENDING_MS : ENDING_MS, ended);
}
