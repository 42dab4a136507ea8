// @ts-check
import { layers } from './layers.mjs';

const START = '<!-- structure: drawn by tools/structure/check.mjs -->';
const END = '<!-- /structure -->';

/**
 * What each package is, as the picture calls it.
 *
 * @type {Record<string, string>}
 */
const TITLES = {
  'packages/core': 'packages/core: the main thread',
  'packages/worker': 'packages/worker: worker threads, and what both threads share',
};

/** @param {string} room */
const folder = (room) => (room === '.' ? 'src' : room);

function picture() {
  const lines = ['```mermaid', 'flowchart TB'];
  for (const [name, list] of Object.entries(layers).reverse()) {
    const id = name.replace('packages/', '');
    lines.push(`  subgraph ${id} ["${TITLES[name]}"]`);
    const nodes = [...list].reverse().map(({ name: layer, rooms }) => {
      const names = Object.keys(rooms).filter((room) => !isDoorOnly(room, rooms));
      lines.push(`    ${id}_${layer}["<b>${layer}</b><br/>${names.map(folder).join(', ')}"]`);
      return `${id}_${layer}`;
    });
    lines.push(`    ${nodes.join(' --> ')}`, '  end');
  }
  lines.push('  core -- "protocol, codec, server-checks" --> worker', '```');
  return lines.join('\n');
}

/**
 * @param {string} room
 * @param {Record<string, string>} rooms
 */
function isDoorOnly(room, rooms) {
  return rooms[room].startsWith('the door of');
}

function table() {
  const lines = ['| folder | what it is for |', '| --- | --- |'];
  for (const [name, list] of Object.entries(layers).reverse()) {
    for (const { rooms } of [...list].reverse()) {
      for (const [room, purpose] of Object.entries(rooms).reverse()) {
        if (isDoorOnly(room, rooms)) continue;
        const path = `${name.replace('packages/', '')}/src${room === '.' ? '' : `/${room}`}`;
        lines.push(`| \`${path}\` | ${purpose} |`);
      }
    }
  }
  return lines.join('\n');
}

/**
 * Returns a page with the picture and the table of the layers between its two marks.
 *
 * @param {string} page
 */
export function sectionOf(page) {
  const [from, to] = [page.indexOf(START), page.indexOf(END)];
  if (from < 0 || to < from)
    throw new Error(`docs/architecture.md has lost its marks: ${START} … ${END}`);
  return `${page.slice(0, from)}${START}\n\n${picture()}\n\n${table()}\n\n${page.slice(to)}`;
}
