import { Targets, type Named } from '../support/internals';

/** Names and options, some of which look like others when they are concatenated. */
const PARTS = [
  '',
  'a',
  'b',
  'ab',
  'a\0b',
  '\0',
  '1',
  '1 ',
  '- ',
  '[null,{"a":1}]',
  'a[null]',
  '\ud800',
];
const OPTIONS = [undefined, Buffer.from(''), Buffer.from('a'), Buffer.from('1+ a')];

test('targets with different names or options are different targets', () => {
  const targets = new Targets(1);
  const known = new Map<number, string>();
  const named: (Named | undefined)[] = [undefined];
  for (const name of PARTS) for (const options of OPTIONS) named.push({ name, options });
  for (const db of named) {
    for (const collection of named) {
      if (db === undefined && collection !== undefined) continue;
      const said = JSON.stringify([db ?? null, collection ?? null]);
      const { id } = targets.get(db, collection);
      expect(targets.get(db, collection).definition.db?.name).toBe(db?.name);
      if (known.has(id)) throw new Error(`${said} is taken for ${known.get(id)}`);
      known.set(id, said);
    }
  }
});
