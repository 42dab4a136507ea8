import { setTimeout as sleep } from 'node:timers/promises';
import { check, Mismatch } from '../outcome.mjs';
import { match } from './match.mjs';
import { tolerate } from './tolerance.mjs';

/**
 * Asserts what a client's events were, in order.
 *
 * @param {any} expected an entry of `expectEvents`
 * @param {import('./observed-client.mjs').ObservedClient} client
 * @param {import('./entities.mjs').EntityMap} entities
 */
export async function expectEvents(expected, client, entities) {
  const kind = expected.eventType ?? 'command';
  const observed = client.observed(kind);
  const wanted = expected.events;
  const enough = expected.ignoreExtraEvents
    ? observed.length >= wanted.length
    : observed.length === wanted.length;
  if (!enough) {
    await sleep(100);
    const late = client.observed(kind).length - observed.length;
    throw new Mismatch(
      `${expected.client}: expected the ${kind} events [${wanted.map(nameOfExpected)}], ` +
        `got [${observed.map(nameOfObserved)}]` +
        (late > 0 ? `, and ${late} more only after the last operation had settled` : ''),
    );
  }
  for (const [index, event] of wanted.entries()) {
    expectEvent(event, observed[index], entities, `${expected.client}.events[${index}]`);
  }
}

/** Asserts that one event is the expected one. */
export function expectEvent(expected, { name, event }, entities, path) {
  const [[wantedName, fields]] = Object.entries(expected);
  check(name === wantedName, `${path}: expected ${wantedName}, got ${name}`);
  for (const [field, value] of Object.entries(fields)) {
    const at = `${path}.${field}`;
    switch (field) {
      case 'hasServiceId':
        check(Boolean(event.serviceId) === value, `${at}: ${event.serviceId}`);
        break;
      case 'hasServerConnectionId':
        check(
          Number(event.serverConnectionId ?? 0) > 0 === value,
          `${at}: ${event.serverConnectionId}`,
        );
        break;
      case 'previousDescription':
      case 'newDescription':
        if (value.type) check(event[field].type === value.type, `${at}.type: ${event[field].type}`);
        break;
      case 'command':
        match(value, tolerate(value, event.command), { entities, root: true, path: at });
        break;
      default:
        match(value, event[field], { entities, root: true, path: at });
    }
  }
}

const nameOfExpected = (event) => {
  const [[name, fields]] = Object.entries(event);
  const command = fields.commandName ?? Object.keys(fields.command ?? {})[0];
  return command ? `${name} ${command}` : name;
};
const nameOfObserved = ({ name, event }) =>
  event.commandName ? `${name} ${event.commandName}` : name;
