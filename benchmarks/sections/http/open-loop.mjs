import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Requests that are sent when their time has come, whether or not the ones before are answered, as users do.
 * Latency counts from when a request was due. A client that waits for one answer before it asks again would not
 * notice how many others had been waiting meanwhile; and autocannon's `rate` sends in one burst a second.
 *
 * @returns {Promise<number[]>} milliseconds of each that was due before `signal`
 */
export async function onSchedule({ origin, pathOf, perSecond, signal }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const start = performance.now();
  const answers = [];
  for (let number = 0; !signal.aborted; number++) {
    const due = start + (number * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await sleep(wait);
    answers.push(get(agent, `${origin}${pathOf(number)}`).then(() => performance.now() - due));
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
