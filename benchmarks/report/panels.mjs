const reading = [
  { section: 'toArray', label: 'toArray()' },
  { section: 'forAwait', label: 'for await' },
  { section: 'stream', label: 'stream()' },
  { section: 'batches', label: 'batches()' },
];
const finding = [1, 8, 64, 512].map((width) => ({
  section: `findOne${width}`,
  label: `${width} in flight`,
}));

/** Lists the panels of the picture. `toNative`: the bars are percentages of native's figure. */
export const panels = [
  {
    title: 'Reading: main-thread CPU, µs per document',
    figure: 'mainCpuPerDocument',
    better: 'less',
    groups: reading,
  },
  {
    title: 'Reading: longest stall of the event loop, ms',
    figure: 'stallMax',
    better: 'less',
    groups: reading,
  },
  {
    title: 'Reading: documents per second',
    figure: 'documentsPerSecond',
    better: 'more',
    groups: reading,
  },
  {
    title: 'Reading: peak memory over idle, MB',
    figure: 'memoryOverIdle',
    better: 'less',
    groups: reading,
  },
  {
    title: 'findOne(): main-thread CPU, µs per operation',
    figure: 'mainCpuPerOperation',
    better: 'less',
    groups: finding,
  },
  {
    title: 'findOne(): operations per second',
    figure: 'operationsPerSecond',
    better: 'more',
    groups: finding,
  },
  {
    title: 'HTTP while exports run: p99 latency, ms',
    better: 'less',
    groups: [
      { section: 'http', figure: 'healthP99', label: 'health check' },
      { section: 'http', figure: 'documentP99', label: 'point read' },
      { section: 'http', figure: 'busyP99', label: 'hashing' },
    ],
  },
  {
    title: 'Writing and more: main-thread CPU, % of mongodb',
    better: 'less',
    groups: [
      ['insertMany', 'mainCpuPerDocument', 'insertMany()'],
      ['insertOne1', 'mainCpuPerOperation', 'insertOne()'],
      ['driverBenchGridFSUpload', 'mainCpuPerMegabyte', 'GridFS upload'],
      ['driverBenchGridFSDownload', 'mainCpuPerMegabyte', 'GridFS download'],
    ].map(([section, figure, label]) => ({ section, figure, label, toNative: true })),
  },
];
