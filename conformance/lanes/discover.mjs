import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { casesOf } from '../formats/index.mjs';

/**
 * @typedef {import('../formats/index.mjs').Case & { id: string, suite: string }} IdentifiedCase
 * @typedef {{ suite: string, name: string, cases: IdentifiedCase[] }} SpecificationFile
 */

/**
 * Reads the files of a folder of specifications that have cases, in order.
 *
 * A case is known as `suite/file/description`, where the suite is the folder without its `tests`.
 *
 * @param {string} folder
 * @returns {Promise<SpecificationFile[]>}
 */
export async function discover(folder) {
  const paths = await readdir(folder, { recursive: true });
  const files = await Promise.all(
    paths
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map(async (file) => {
        const text = await readFile(path.join(folder, file), 'utf8');
        return identify(file, casesOf(text, file));
      }),
  );
  return files.filter(({ cases }) => cases.length > 0);
}

function identify(file, cases) {
  const parts = path.dirname(file).split(path.sep);
  const suite = parts.filter((part) => part !== 'tests' && part !== 'unified').join('/');
  const name = path.basename(file, '.json');
  const seen = new Map();
  return {
    suite,
    name,
    cases: cases.map((each) => {
      const count = (seen.get(each.description) ?? 0) + 1;
      seen.set(each.description, count);
      const description = count === 1 ? each.description : `${each.description} (${count})`;
      return { ...each, suite, id: `${suite}/${name}/${description}` };
    }),
  };
}
