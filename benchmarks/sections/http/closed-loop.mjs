import autocannon from 'autocannon';

/** Seconds that one response may take: an export is slow under load. */
const timeout = 60;

/**
 * Sends requests with autocannon: each connection sends the next one when the response has arrived.
 *
 * @param {{ url: string, connections: number, requests?: object[], amount?: number, duration?: number }} asked
 *   options of autocannon
 * @returns {Promise<number[]>} the latency of each response in milliseconds
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
