import { atRest } from './at-rest.mjs';
import { driverBench } from './driver-bench.mjs';
import { http } from './http.mjs';
import { inserting } from './inserting.mjs';
import { pointOperations } from './point-operations.mjs';
import { reading } from './reading.mjs';

/**
 * Returns all sections, in the order of the report. A section is data:
 *
 * - `id`, `subject`, `title`: its name for `--only`, and its names in the report
 * - `program`: the file in `sections/` that measures it, with `settings`
 * - `needs`: what the database must hold before
 * - `sides`: the sides that are compared, if not all three
 * - `floor`: the program in `sections/` that measures the cost of V8 or the machine alone
 * - `peers`: the Python peers measure it as well
 * - `ownDatabase`: each run gets its own database, because the section writes
 * - `full`, `large`: measured only with that option
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

/** Returns the sections that a run measures. A section that `--only` selects needs no `--full`. */
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
