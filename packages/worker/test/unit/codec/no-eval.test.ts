import { execFileSync } from 'node:child_process';
import path from 'node:path';

import { CODEC_FOLDER } from '../../support/internals';

const program = `
  const assert = require('node:assert');
  const { BSON } = require('mongodb');
  const { TapeDecoder, TapeEncoder } = require(${JSON.stringify(CODEC_FOLDER)});
  assert.throws(() => new Function('return 1'), EvalError);
  const encoder = new TapeEncoder();
  const decoder = new TapeDecoder();
  const bytes = BSON.serialize({ _id: 1, text: 'é', nested: { __proto__: null, list: [1, 'x', { a: null }] } });
  for (let round = 0; round < 20; round++) {
    for (let at = 0; at < 10; at++) encoder.write(bytes, 0, bytes.length);
    const documents = [];
    decoder.open(encoder.take(decoder), {}).readInto(documents, 10);
    for (const document of documents) assert.deepStrictEqual(document, BSON.deserialize(bytes));
  }
  assert.ok(encoder.size.shapes > 0);
  console.log('read');
`;

describe('a process that forbids making code from strings', () => {
  it('reads documents all the same', () => {
    const output = execFileSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '-e', program],
      { cwd: path.resolve(__dirname, '../../..'), encoding: 'utf8' },
    );
    expect(output).toContain('read');
  });
});
