import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { extract } from './extract.mjs';
import { caption } from './environment.mjs';
import { picture } from './picture.mjs';

/**
 * Writes a run's results, the picture and the extract beside them, and the documentation where asked to.
 *
 * @returns {Promise<string[]>} the files
 */
export async function writeReport(results, { file, docs }) {
  const base = file.replace(/\.json$/, '');
  mkdirSync(path.dirname(file), { recursive: true });
  const contents = {
    [file]: `${JSON.stringify(results, undefined, 2)}\n`,
    [`${base}.svg`]: picture(results.sections, caption(results)),
    [`${base}.md`]: extract(results),
  };
  for (const [name, content] of Object.entries(contents)) writeFileSync(name, content);
  const files = Object.keys(contents);
  if (!docs) return files;
  // Loaded here because it loads Prettier, which a run without it does not need.
  const { fillPerformancePage } = await import('./performance-page.mjs');
  const page = await fillPerformancePage(results);
  const pagePicture = page.replace(/\.md$/, '.svg');
  writeFileSync(pagePicture, contents[`${base}.svg`]);
  return [...files, page, pagePicture];
}
