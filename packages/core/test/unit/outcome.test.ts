import { WorkerLostError } from '@mongo-offload/core';

import {
  DecodingFailure,
  EncodedCall,
  Failure,
  isLost,
  resultOf,
  Targets,
  Tries,
  type Call,
  type Lane,
} from '../support/internals';

/* What an application gets of a call whose worker answered, or died. */

const target = new Targets(1).get({ name: 'shop' }, { name: 'orders' });
const encoded = (): EncodedCall => {
  const bytes = Buffer.from(new ArrayBuffer(8));
  return new EncodedCall(bytes, 0, bytes.length, true);
};
const call = (name: Call['name'], more: Partial<Call> = {}): Call => ({
  name,
  target,
  args: encoded(),
  ...more,
});
const find = call('collection.findOne');
const insert = call('collection.insertOne');

const died = (begun: boolean, cause?: Error): Failure => new Failure(undefined, cause, begun);
/** How often a call may run again when worker after worker dies. */
function repetitions(of: Call, failure: Failure, args = encoded()): number {
  const tries = new Tries(of, args);
  let count = 0;
  while (tries.mayRunAgain(failure)) count += 1;
  return count;
}

describe('a call whose worker died', () => {
  test('runs on five workers at most if it reads', () => {
    expect(repetitions(find, died(true))).toBe(4);
  });

  test('runs again if no worker had begun it, though it writes', () => {
    expect(repetitions(insert, died(false))).toBe(4);
  });

  test('counts the workers that had begun it apart from those that had not', () => {
    const tries = new Tries(find, encoded());
    const answers = Array.from({ length: 9 }, (_, at) => tries.mayRunAgain(died(at % 2 === 0)));
    expect(answers).toStrictEqual([true, true, true, true, true, true, true, true, false]);
  });

  test('does not run again if it is a write that a server may have seen', () => {
    expect(repetitions(insert, died(true))).toBe(0);
  });

  test('does not run again if a read writes after all, as an aggregation with $out does', () => {
    const aggregation = call('collection.findOne', { writes: true });
    expect(repetitions(aggregation, died(true))).toBe(0);
  });

  test('does not run again if it is a write whose buffers the dead worker has', () => {
    const args = encoded();
    const [{ buffer }] = args.buffers(true);
    structuredClone(buffer, { transfer: [buffer] });
    expect(args.isGone).toBe(true);
    expect(repetitions(insert, died(false), args)).toBe(0);
  });

  test('does not run again if Node may start no thread', () => {
    const denied = Object.assign(new Error('access denied'), { code: 'ERR_ACCESS_DENIED' });
    expect(repetitions(find, died(false, denied))).toBe(0);
  });

  test.each([
    ['a read', find, false],
    ['a write in a transaction', insert, true],
  ])('fails with the loss of its session if it is %s', (_, of, inTransaction) => {
    const error = new WorkerLostError('this session', { write: false });
    const session = { inTransaction, lost: () => error } as unknown as Call['session'];
    expect(() => new Tries({ ...of, session }, encoded()).mayRunAgain(died(true))).toThrow(error);
  });

  test('does not run again if it is a write of a session', () => {
    const session = { inTransaction: false } as unknown as Call['session'];
    expect(repetitions({ ...insert, session }, died(false))).toBe(0);
  });
});

describe('the outcome of a call', () => {
  const lane = { started: true } as Lane;

  test('is its result', () => {
    const result = { acknowledged: true };
    expect(resultOf(find, lane, result)).toBe(result);
    expect(isLost(result)).toBe(false);
  });

  test('is the error of bytes that are no document', () => {
    const error = new Error('corrupt');
    expect(() => resultOf(find, lane, new DecodingFailure(error))).toThrow(error);
  });

  test('is the worker’s error, of the same class', () => {
    const failure = new Failure({
      class: 'MongoServerError',
      message: 'duplicate key',
      properties: [['code', 11_000, true]],
    });
    expect(isLost(failure)).toBe(false);
    let error: unknown;
    try {
      resultOf(insert, lane, failure);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      name: 'MongoServerError',
      message: 'duplicate key',
      code: 11_000,
    });
  });

  test.each([
    ['a write that was begun may have been applied', insert, true, true],
    ['a write that was not begun has not been applied', insert, false, false],
    ['a read changes nothing', find, true, false],
  ])('is a WorkerLostError if the worker died: %s', (_, of, begun, mayHaveBeenApplied) => {
    const failure = died(begun, new Error('out of memory'));
    expect(isLost(failure)).toBe(true);
    let error: unknown;
    try {
      resultOf(of, lane, failure);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(WorkerLostError);
    expect(error).toMatchObject({ mayHaveBeenApplied, retryable: !mayHaveBeenApplied });
    expect((error as Error).message).toMatch(new RegExp(`${of.name}.*out of memory`));
  });

  test('says that a worker did not start', () => {
    const notStarted = { started: false } as Lane;
    expect(() => resultOf(find, notStarted, died(false))).toThrow('did not start');
  });
});
