// @ts-check
/*
 * Fails when a Markdown file links to a file or a heading that does not exist. Links to other hosts are not checked.
 *
 *   node tools/docs/check-links.mjs [FOLDER]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(process.argv[2] ?? '.');
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.git']);

/** @returns {string[]} the Markdown files in a folder and in the folders below it */
function pages(/** @type {string} */ folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : pages(file);
    return entry.name.endsWith('.md') ? [file] : [];
  });
}

/** Returns the text of a page without its blocks of code. */
function textOf(/** @type {string} */ file) {
  return readFileSync(file, 'utf8').replaceAll(/^ *(```|~~~)[^]*?^ *\1/gm, '');
}

/** Returns the anchors of a page's headings, as GitHub makes them. */
function anchorsOf(/** @type {string} */ file) {
  /** @type {Map<string, number>} */
  const uses = new Map();
  return Array.from(textOf(file).matchAll(/^#{1,6} (.+)$/gm), ([, heading]) => {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    const earlier = uses.get(slug) ?? 0;
    uses.set(slug, earlier + 1);
    return earlier === 0 ? slug : `${slug}-${earlier}`;
  });
}

for (const page of pages(root)) {
  for (const [, target] of textOf(page).matchAll(/\]\(<?([^)\s>]+)[^)]*\)/g)) {
    if (/^[a-z][a-z+.-]*:/i.test(target)) continue;
    const [file, anchor] = target.split('#');
    const linked = file === '' ? page : path.resolve(path.dirname(page), decodeURI(file));
    const found =
      existsSync(linked) && (anchor === undefined || anchorsOf(linked).includes(anchor));
    if (found) continue;
    console.log(`dead-link: ${path.relative(root, page)} links to ${target}`);
    process.exitCode = 1;
  }
}
