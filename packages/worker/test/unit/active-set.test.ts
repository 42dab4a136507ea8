import fc from 'fast-check';

import { ActiveSet } from '../support/internals';

type Step = ['add' | 'delete', number] | ['clear' | 'deleteAllWhileGoingOver', 0];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constantFrom('add' as const, 'delete' as const), fc.nat(9)),
    fc.tuple(fc.constantFrom('clear' as const, 'deleteAllWhileGoingOver' as const), fc.constant(0)),
  ),
  { maxLength: 60 },
);

test('an active set holds what a Set would hold', () => {
  fc.assert(
    fc.property(steps, (program) => {
      const objects = Array.from({ length: 10 }, (_, number) => ({ number }));
      const active = new ActiveSet<{ number: number }>();
      // An object may be in several.
      const another = new ActiveSet<{ number: number }>();
      for (const object of objects) another.add(object);
      const set = new Set<{ number: number }>();
      for (const [step, number] of program) {
        const object = objects[number];
        if (step === 'add') {
          active.add(object);
          set.add(object);
        } else if (step === 'delete') {
          expect(active.delete(object)).toBe(set.delete(object));
        } else if (step === 'clear') {
          active.clear();
          set.clear();
        } else {
          for (const item of active) expect(active.delete(item)).toBe(true);
          set.clear();
        }
        expect(active.size).toBe(set.size);
        for (const item of objects) expect(active.has(item)).toBe(set.has(item));
        expect(new Set(active)).toStrictEqual(set);
      }
      expect([...another]).toStrictEqual(objects);
    }),
  );
});
