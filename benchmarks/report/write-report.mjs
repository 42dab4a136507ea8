import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { extract } from './extract.mjs';
import { caption } from './environment.mjs';
import { picture } from './picture.mjs';

const docsPage = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

/**
 * Writes a run's results, the picture and the extract beside them, and the documentation where asked to.
 *
 * @param {object} results
 * @param {{ file: string, docs?: boolean, page?: string }} where `docs`: docs/performance.md gets the tables, and the
 *   picture is put beside it; `page`: another page that gets the tables
 * @returns {Promise<string[]>} the files
 */
export async function writeReport(results, { file, docs, page }) {
  const base = file.replace(/\.json$/, '');
  mkdirSync(path.dirname(file), { recursive: true });
  const drawn = picture(results.sections, caption(results));
  const contents = {
    [file]: `${JSON.stringify(results, undefined, 2)}\n`,
    [`${base}.svg`]: drawn,
    [`${base}.md`]: extract(results),
    ...(docs && { [docsPage.replace(/\.md$/, '.svg')]: drawn }),
  };
  for (const [name, content] of Object.entries(contents)) writeFileSync(name, content);
  const pages = [
    ...(docs ? [[docsPage, ['run', 'goals', 'tables', 'losses']]] : []),
    ...(page ? [[page, ['tables']]] : []),
  ];
  for (const [one, needed] of pages) {
    // Loaded here because it loads Prettier, which a run without it does not need.
    const { fillPage } = await import('./page.mjs');
    await fillPage(one, results, needed);
  }
  return [...Object.keys(contents), ...pages.map(([one]) => one)];
}
