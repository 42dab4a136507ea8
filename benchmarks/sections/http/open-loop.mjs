import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Sends requests on a schedule, as users do: it does not wait for earlier answers. Latency counts from when a request
 * was due, so it includes the time that a late request has waited. autocannon's `rate` is not used, because it sends
 * one burst a second.
 *
 * @returns {Promise<number[]>} the latency in milliseconds of each request that was due before `signal`
 */
export async function onSchedule({ origin, pathOf, perSecond, signal }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const start = performance.now();
  const answers = [];
  for (let number = 0; !signal.aborted; number++) {
    const due = start + (number * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    // A timer may fire up to 1 ms early. The latency of a request that is sent early counts from its sending: counted
    // from when it was due, a quick answer would have a negative latency.
    const from = Math.min(due, performance.now());
    answers.push(get(agent, `${origin}${pathOf(number)}`).then(() => performance.now() - from));
  }
  const latencies = await Promise.all(answers);
  agent.destroy();
  return latencies;
}

function get(agent, url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent }, (response) => {
        if (response.statusCode !== 200)
          reject(new Error(`${url} answered ${response.statusCode}`));
        response.on('error', reject).on('end', resolve).resume();
      })
      .on('error', reject);
  });
}
