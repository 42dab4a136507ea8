import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { extract } from './extract.mjs';
import { caption } from './environment.mjs';
import { picture } from './picture.mjs';

const docsPage = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

/**
 * Writes a run's results, with the picture and the main rows next to them.
 *
 * @param {object} results
 * @param {{ file: string, page?: string | true }} where `page`: the page that gets the main rows, and the picture next
 *   to it; `true`: docs/performance.md
 * @returns {Promise<string[]>} the files
 */
export async function writeReport(results, { file, page }) {
  const base = file.replace(/\.json$/, '');
  mkdirSync(path.dirname(file), { recursive: true });
  const drawn = picture(results.sections, caption(results));
  const contents = {
    [file]: `${JSON.stringify(results, undefined, 2)}\n`,
    [`${base}.svg`]: drawn,
    [`${base}.md`]: extract(results),
  };
  const target = page === true ? docsPage : page;
  if (target !== undefined) {
    // Prettier is loaded only when a page needs it.
    const { fillPage } = await import('./page.mjs');
    await fillPage(target, results);
    contents[target.replace(/\.md$/, '.svg')] = drawn;
  }
  for (const [name, content] of Object.entries(contents)) writeFileSync(name, content);
  return [...Object.keys(contents), ...(target === undefined ? [] : [target])];
}
