import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

test('fails on a link to a file or a heading that does not exist, and names it', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'mongo-offload-links-'));
  try {
    writeFileSync(
      path.join(folder, 'page.md'),
      [
        '# Two `names`, one page',
        '[file](other.md) [heading](other.md#what-it-does) [own](#two-names-one-page)',
        '[gone](gone.md) [gone](other.md#gone) [gone](#gone) [elsewhere](https://nodejs.org/#gone)',
        '```md',
        '[in code](gone.md)',
        '```',
      ].join('\n'),
    );
    writeFileSync(path.join(folder, 'other.md'), '## What it does\n');
    const check = path.resolve(__dirname, '../check-links.mjs');
    const { status, stdout } = spawnSync(process.execPath, [check, folder], { encoding: 'utf8' });
    expect(stdout.trimEnd().split('\n')).toStrictEqual([
      'dead-link: page.md links to gone.md',
      'dead-link: page.md links to other.md#gone',
      'dead-link: page.md links to #gone',
    ]);
    expect(status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
