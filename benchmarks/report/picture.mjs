import { number } from './tables.mjs';

const panels = [
  {
    title: 'Main-thread CPU, µs per document',
    figure: 'mainCpuPerDocument',
    sections: {
      toArray: 'toArray()',
      forAwait: 'for await',
      stream: 'stream()',
      batches: 'batches()',
    },
  },
  {
    title: 'Longest stall of the event loop, ms',
    figure: 'stallMax',
    sections: {
      toArray: 'toArray()',
      forAwait: 'for await',
      stream: 'stream()',
      batches: 'batches()',
    },
  },
  {
    title: 'Documents per second',
    figure: 'documentsPerSecond',
    sections: {
      toArray: 'toArray()',
      forAwait: 'for await',
      stream: 'stream()',
      batches: 'batches()',
    },
  },
  {
    title: 'Main-thread CPU, µs per findOne',
    figure: 'mainCpuPerOperation',
    sections: {
      findOne1: '1 in flight',
      findOne8: '8 in flight',
      findOne64: '64 in flight',
      findOne512: '512 in flight',
    },
  },
];

const panelWidth = 430;
const labelWidth = 90;
const valueWidth = 70;
const barWidth = panelWidth - labelWidth - valueWidth;
const barHeight = 11;
const groupHeight = 2 * barHeight + 10;
const titleHeight = 30;
const panelHeight = titleHeight + 4 * groupHeight + 14;
const legendHeight = 40;

/** The medians of a run as bars, native's above ours; an SVG that suits light and dark pages. */
export function picture(sections, caption) {
  const byId = new Map(sections.map((section) => [section.id, section]));
  const drawn = panels
    .map((panel, index) => {
      const x = (index % 2) * (panelWidth + 30) + 20;
      const y = Math.floor(index / 2) * panelHeight + legendHeight + 10;
      return `<g transform="translate(${x} ${y})">${drawPanel(panel, byId)}</g>`;
    })
    .join('\n');
  const width = 2 * panelWidth + 70;
  const height = 2 * panelHeight + legendHeight + 34;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="mongodb and @mongo-offload/core compared">
<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.quiet { fill: #6e7781 }
.native { fill: #9a6700 }
.ours { fill: #1a7f37 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .quiet { fill: #9198a1 } .native { fill: #d29922 } .ours { fill: #3fb950 } }
</style>
<rect class="native" x="20" y="16" width="12" height="12"/><text x="38" y="26">mongodb</text>
<rect class="ours" x="120" y="16" width="12" height="12"/><text x="138" y="26">@mongo-offload/core</text>
${drawn}
<text class="quiet" x="20" y="${height - 12}">${escape(caption)}</text>
</svg>
`;
}

function drawPanel({ title, figure, sections }, byId) {
  const groups = Object.entries(sections).map(([id, label]) => {
    const found = byId.get(id)?.figures.find(({ name }) => name === figure);
    return { label, native: found?.native?.median, ours: found?.ours.median };
  });
  const most = Math.max(...groups.flatMap(({ native = 0, ours = 0 }) => [native, ours]), 1e-9);
  const bars = groups.map(({ label, native, ours }, index) => {
    const y = titleHeight + index * groupHeight;
    return [
      `<text x="0" y="${y + barHeight + 4}">${escape(label)}</text>`,
      drawBar('native', native, most, y),
      drawBar('ours', ours, most, y + barHeight + 1),
    ].join('');
  });
  return `<text class="title" x="0" y="14">${escape(title)}</text>${bars.join('')}`;
}

function drawBar(side, value, most, y) {
  if (value === undefined) {
    return `<text class="quiet" x="${labelWidth}" y="${y + barHeight - 1}">–</text>`;
  }
  const width = Math.max(1, (value / most) * barWidth);
  return (
    `<rect class="${side}" x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight}"/>` +
    `<text class="quiet" x="${(labelWidth + width + 5).toFixed(1)}" y="${y + barHeight - 1}">${number(value)}</text>`
  );
}

function escape(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}
