import fc from 'fast-check';

import { WaitingLine, type Waiting } from '../support/internals';

/* A line is first in, first out, and any place in it can be left. An array shows what is right. */

type Step = ['add'] | ['next'] | ['leave', number];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.constant<Step>(['add']),
    fc.constant<Step>(['next']),
    fc.nat(20).map<Step>((which) => ['leave', which]),
  ),
  { maxLength: 60 },
);

const someone = (): Waiting => ({ admit: () => undefined, refuse: () => undefined });

test('a line behaves as a list does, whatever happens in it', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const line = new WaitingLine();
      const expected: Waiting[] = [];
      const known: Waiting[] = [];
      for (const [step, which] of taken) {
        if (step === 'add') {
          const waiting = someone();
          known.push(waiting);
          expected.push(waiting);
          line.add(waiting);
        } else if (step === 'next') {
          expect(line.next()).toBe(expected.shift());
        } else if (known.length > 0) {
          // It may have left before.
          const waiting = known[which % known.length];
          const at = expected.indexOf(waiting);
          if (at >= 0) expected.splice(at, 1);
          line.leave(waiting);
        }
        expect(line.size).toBe(expected.length);
      }
      for (const waiting of expected) expect(line.next()).toBe(waiting);
      expect(line.next()).toBeUndefined();
    }),
    { seed: 1, numRuns: 500 },
  );
});
