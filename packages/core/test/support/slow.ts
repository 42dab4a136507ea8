import type { Document, MongoClient } from 'mongodb';

import { until } from './until';

/** A filter that keeps the server busy with each document it looks at, for so many milliseconds. */
export function slowly(ms: number): Document {
  const body = `function () { sleep(${ms}); return true; }`;
  return { $expr: { $function: { body, args: [], lang: 'js' } } };
}

/** The server's numbers of the operations with this comment that it is at work on. */
async function operations(admin: MongoClient, comment: string): Promise<number[]> {
  const running = [
    { $currentOp: { allUsers: true } },
    { $match: { 'command.comment': comment, active: true } },
  ];
  const found = await admin.db('admin').aggregate<{ opid: number }>(running).toArray();
  return found.map(({ opid }) => opid);
}

/**
 * Resolves when the server is at work on an operation with this comment.
 *
 * @param known - operations that are not meant
 * @returns the server's number of it
 */
export async function underWay(
  admin: MongoClient,
  comment: string,
  known: number[] = [],
): Promise<number> {
  let found: number | undefined;
  await until(async () => {
    found = (await operations(admin, comment)).find((op) => !known.includes(op));
    return found !== undefined;
  });
  return found!;
}
