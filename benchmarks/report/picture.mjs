import { panels } from './panels.mjs';
import { number } from './numbers.mjs';

const sides = ['native', 'naive', 'ours'];
const legend = [
  ['native', 'mongodb'],
  ['naive', 'mongodb behind Comlink, a naive offload'],
  ['ours', '@mongo-offload/core'],
  ['floor', 'what V8 or the machine alone takes'],
];

const margin = 24;
const columnGap = 48;
const panelWidth = 440;
const labelWidth = 112;
const valueWidth = 62;
const barWidth = panelWidth - labelWidth - valueWidth;
const barHeight = 9;
const barStep = barHeight + 2;
const groupHeight = sides.length * barStep + 10;
const titleHeight = 42;
const panelGap = 22;
const headHeight = 76;
const footHeight = 40;
const legendGap = 22;

/** Draws the medians of a run as bars with their spread, one panel for each question, for light and dark pages. */
export function picture(sections, caption) {
  const byId = new Map(sections.map((section) => [section.id, section]));
  const shown = panels
    .map((panel) => withValues(panel, byId))
    .filter(({ groups }) => groups.length > 0);
  let y = headHeight;
  const drawn = [];
  for (let row = 0; row < shown.length; row += 2) {
    const pair = shown.slice(row, row + 2);
    for (const [column, panel] of pair.entries()) {
      const x = margin + column * (panelWidth + columnGap);
      drawn.push(`<g transform="translate(${x} ${y})">${drawPanel(panel)}</g>`);
    }
    y += Math.max(...pair.map(heightOf)) + panelGap;
  }
  const width = 2 * margin + 2 * panelWidth + columnGap;
  const height = y + footHeight - panelGap;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="mongodb, a naive offload of it, and @mongo-offload/core compared">
<style>
text { font: 12px system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.head { font-weight: 600; font-size: 16px }
.title { font-weight: 600; font-size: 13px }
.quiet { fill: #59636e; font-size: 11px }
.value { fill: #59636e; font-size: 10px }
.ours.value { fill: #1a7f37; font-weight: 600 }
rect.native { fill: #bf8700 } rect.naive { fill: #8c959f } rect.ours { fill: #1a7f37 }
.floor { stroke: #0969da; stroke-width: 2 }
.spread { stroke: #1f2328; stroke-opacity: .55; stroke-width: 1 }
.axis { stroke: #d1d9e0; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .quiet, .value { fill: #9198a1 } .ours.value { fill: #3fb950 }
  rect.native { fill: #d29922 } rect.naive { fill: #6e7681 } rect.ours { fill: #3fb950 }
  .floor { stroke: #4493f8 } .spread { stroke: #f0f6fc } .axis { stroke: #3d444d }
}
</style>
${drawLegend()}
${drawn.join('\n')}
<text class="quiet" x="${margin}" y="${height - 16}">${escape(caption)} Lines across bars: lowest to highest.</text>
</svg>
`;
}

/** Returns a panel with the groups that have figures. */
function withValues(panel, byId) {
  const groups = panel.groups.flatMap(
    ({ section, figure = panel.figure, label, toNative = false }) => {
      const found = byId.get(section)?.figures.find(({ name }) => name === figure)?.sides;
      if (found === undefined || (toNative && found.native === undefined)) return [];
      const unit = toNative ? found.native.median / 100 : 1;
      const bars = Object.fromEntries(
        Object.entries(found).map(([side, { median, min, max }]) => [
          side,
          { median: median / unit, min: min / unit, max: max / unit },
        ]),
      );
      return [{ label, bars }];
    },
  );
  return { ...panel, groups };
}

function heightOf({ groups }) {
  return titleHeight + groups.length * groupHeight;
}

function drawLegend() {
  let x = margin;
  const items = legend.map(([side, text]) => {
    const mark =
      side === 'floor'
        ? `<line class="floor" x1="${x + 6}" x2="${x + 6}" y1="44" y2="56"/>`
        : `<rect class="${side}" x="${x}" y="45" width="12" height="10" rx="2"/>`;
    const item = `${mark}<text x="${x + 18}" y="54">${escape(text)}</text>`;
    x += 18 + text.length * 6.3 + legendGap;
    return item;
  });
  return `<text class="head" x="${margin}" y="28">The same work, side by side</text>${items.join('')}`;
}

function drawPanel({ title, better, groups }) {
  const values = groups.flatMap(({ bars }) => sides.flatMap((side) => bars[side]?.max ?? []));
  const most = Math.max(...values, 1e-9);
  const bottom = titleHeight + groups.length * groupHeight - 10;
  const drawn = groups.map(({ label, bars }, index) => {
    const y = titleHeight + index * groupHeight;
    const floor = bars.floor && (bars.floor.median / most) * barWidth + labelWidth;
    return [
      `<text x="0" y="${y + 1.5 * barStep + 3}">${escape(label)}</text>`,
      ...sides.map((side, place) => drawBar(side, bars[side], most, y + place * barStep)),
      floor === undefined
        ? ''
        : `<line class="floor" x1="${floor.toFixed(1)}" x2="${floor.toFixed(1)}" y1="${y - 2}" y2="${y + 3 * barStep}"/>`,
    ].join('');
  });
  return (
    `<text class="title" x="0" y="14">${escape(title)}</text>` +
    `<text class="quiet" x="0" y="30">${better === 'less' ? 'less is better' : 'more is better'}</text>` +
    `<line class="axis" x1="${labelWidth}" x2="${labelWidth}" y1="${titleHeight - 3}" y2="${bottom}"/>` +
    drawn.join('')
  );
}

function drawBar(side, bar, most, y) {
  const middle = y + barHeight / 2;
  if (bar === undefined) {
    return `<text class="value" x="${labelWidth + 4}" y="${middle + 3.5}">–</text>`;
  }
  const at = (value) => labelWidth + (value / most) * barWidth;
  const end = Math.max(at(bar.median), labelWidth + 1);
  const spread =
    bar.min === bar.max
      ? ''
      : `<line class="spread" x1="${at(bar.min).toFixed(1)}" x2="${at(bar.max).toFixed(1)}" y1="${middle}" y2="${middle}"/>`;
  return (
    `<rect class="${side}" x="${labelWidth}" y="${y}" width="${(end - labelWidth).toFixed(1)}" height="${barHeight}" rx="1.5"/>` +
    spread +
    `<text class="${side} value" x="${(Math.max(end, at(bar.max)) + 5).toFixed(1)}" y="${middle + 3.5}">${number(bar.median)}</text>`
  );
}

function escape(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
