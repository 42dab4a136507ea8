import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { caption } from './environment.mjs';
import { extract } from './extract.mjs';

/**
 * Puts a run's main rows into a page, between the comments that mark the places.
 *
 * @throws {Error} if the page has no place for them
 */
export async function fillPage(page, results) {
  const parts = { run: run(results), table: extract(results) };
  let text = readFileSync(page, 'utf8');
  for (const [name, content] of Object.entries(parts)) {
    const place = new RegExp(`(<!-- bench:${name} -->).*?(<!-- /bench:${name} -->)`, 's');
    if (!place.test(text)) throw new Error(`${page} has no place for "${name}"`);
    text = text.replace(place, (_, begin, end) => `${begin}\n\n${content}\n${end}`);
  }
  const config = await resolveConfig(page);
  writeFileSync(page, await format(text, { ...config, parser: 'markdown' }));
}

function run(results) {
  const { startedAt, environment } = results;
  const { all, disturbed } = environment.turns;
  return (
    `${caption(results)} Processor: ${environment.cpu}. Run of ${startedAt.slice(0, 10)}; ` +
    `other programs used the processors during ${disturbed} of ${all} measurements.\n`
  );
}
