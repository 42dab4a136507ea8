import autocannon from 'autocannon';

/** Longest that one answer may take; an export does, while everything else is asked for. */
const timeout = 60;

/**
 * Connections of autocannon, each of which asks again when it was answered.
 *
 * @param {{ url: string, connections: number, requests?: object[], amount?: number, duration?: number }} asked
 *   as autocannon has them
 * @returns {Promise<number[]>} milliseconds of each answer
 */
export async function asFastAsAnswered({ url, ...asked }) {
  const latencies = [];
  const instance = autocannon({ url, timeout, ...asked });
  instance.on('response', (_client, status, _bytes, latency) => {
    if (status !== 200) throw new Error(`${url} answered ${status}`);
    latencies.push(latency);
  });
  const { errors, timeouts } = await instance;
  if (errors + timeouts > 0) throw new Error(`${url}: ${errors} errors, ${timeouts} timeouts`);
  return latencies;
}
