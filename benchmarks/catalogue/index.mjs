import { atRest } from './at-rest.mjs';
import { driverBench } from './driver-bench.mjs';
import { http } from './http.mjs';
import { inserting } from './inserting.mjs';
import { pointOperations } from './point-operations.mjs';
import { reading } from './reading.mjs';

/**
 * All that can be measured, in the order of the report. A section is data:
 *
 * - `id`, `subject`, `title`: its name for `--only`, and what the report says
 * - `program`: the file in `sections/` that measures it, with `settings`
 * - `needs`: what must lie in the database before
 * - `sides`: what is compared, where it is not all three
 * - `floor`: the program, in `sections/` too, that measures what V8 or the machine alone takes for it
 * - `peers`: Python has it as well
 * - `ownDatabase`: it writes, so each run has a database of its own
 * - `full`, `large`: only with that option
 */
export function catalogue(sizes) {
  return [
    ...reading(sizes),
    ...pointOperations(sizes),
    ...inserting(sizes),
    ...driverBench(sizes),
    ...http(sizes),
    ...atRest(),
  ];
}

/** What of it a run measures. A section that is asked for by name needs no `--full`. */
export function selected(sections, { only, full, large }) {
  const pattern = only === undefined ? undefined : new RegExp(only);
  return sections.filter(
    (section) =>
      (large || !section.large) &&
      (pattern === undefined ? full || !section.full : pattern.test(section.id)),
  );
}

export function sidesOf({ sides = ['native', 'naive', 'ours'], floor, peers }, { withPeers }) {
  return [
    ...sides,
    ...(floor ? ['floor'] : []),
    ...(peers && withPeers ? ['motor', 'pymongo'] : []),
  ];
}
