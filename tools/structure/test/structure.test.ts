import { spawnSync } from 'node:child_process';
import path from 'node:path';

const check = path.resolve(__dirname, '../check.mjs');

test('fails on a backward import, imports past a door and an unknown folder, and names each', () => {
  const fixture = 'tools/structure/test/fixture/';
  const src = `${fixture}packages/core/src/`;
  const { status, stdout } = spawnSync(process.execPath, [check, fixture], { encoding: 'utf8' });
  expect(stdout.trimEnd().split('\n').sort()).toStrictEqual([
    `backward-import: pool/lane: ${src}pool/lane/lane.ts imports ${src}client/index.ts`,
    `past-the-door: pool/lane: ${src}client/routing/past-the-door.ts imports ${src}pool/lane/lane.ts`,
    `past-the-outer-door: pool/lane: ${src}client/routing/past-the-door.ts imports ${src}pool/lane/lane.ts`,
    `past-the-outer-door: pool/lane: ${src}client/routing/past-the-outer-door.ts imports ${src}pool/lane/index.ts`,
    `unknown-room: ${src}helpers/anything.ts imports ${src}pool/index.ts`,
  ]);
  expect(status).toBe(1);
});
