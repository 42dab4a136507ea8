/**
 * Lists the goals of the project, and the figures that prove them. All sections of a goal must reach it.
 *
 * `kind` names the value that is compared with `goal`. `value`: ours; `ratio`: ours divided by native;
 * `difference`: ours minus native; `flat`: the most expensive section divided by the cheapest.
 */
export const goals = [
  {
    what: 'main-thread CPU per document, toArray()',
    figure: 'mainCpuPerDocument',
    kind: 'ratio',
    goal: 1 / 20,
    sections: ['toArray'],
  },
  ...['stallMax', 'gapMax'].map((figure) => ({
    what: `longest stall, 20,000 and 200,000 documents${figure === 'gapMax' ? ', by the 1 ms timer' : ''}`,
    figure,
    kind: 'value',
    goal: 10,
    sections: [
      ...['toArray', 'forAwait', 'batches', 'stream'],
      ...['largeToArray', 'largeForAwait', 'largeBatches', 'largeStream'],
    ],
  })),
  {
    what: 'documents/s of one find(), toArray() and for await',
    figure: 'documentsPerSecond',
    kind: 'ratio',
    goal: 3,
    sections: ['toArray', 'forAwait'],
  },
  {
    what: 'CPU of the whole process per document',
    figure: 'processCpuPerDocument',
    kind: 'ratio',
    goal: 1 / 2,
    sections: ['toArray', 'forAwait'],
  },
  {
    what: 'main-thread CPU per findOne, 64 in flight',
    figure: 'mainCpuPerOperation',
    kind: 'ratio',
    goal: 1 / 15,
    sections: ['findOne64'],
  },
  {
    what: 'findOne latency, one in flight',
    figure: 'latencyMedian',
    kind: 'ratio',
    goal: 1.15,
    sections: ['findOne1'],
  },
  {
    what: 'findOne/s, 64 in flight, 2 workers',
    figure: 'operationsPerSecond',
    kind: 'ratio',
    goal: 1.5,
    sections: ['findOne64Workers2'],
  },
  {
    what: 'main-thread CPU per inserted document, insertMany of 10,000',
    figure: 'mainCpuPerDocument',
    kind: 'ratio',
    goal: 1 / 4,
    sections: ['insertMany'],
  },
  {
    what: 'p99 of the health check while an export runs',
    figure: 'healthP99',
    kind: 'ratio',
    goal: 1 / 20,
    sections: ['http', 'httpExport', 'httpExportForAwait', 'httpExportToArray'],
  },
  {
    what: 'memory: 200,000 documents by batches(), peak over idle',
    figure: 'memoryOverIdle',
    kind: 'value',
    goal: 64,
    sections: ['batches', 'largeBatches'],
  },
  {
    what: 'cost per document at 2,000, 20,000 and 200,000 documents',
    figure: 'mainCpuPerDocument',
    kind: 'flat',
    goal: 1.2,
    sections: ['fewToArray', 'toArray', 'largeToArray'],
  },
  {
    what: 'memory of an idle client, one worker',
    figure: 'residentMemory',
    kind: 'difference',
    goal: 40,
    sections: ['idle1'],
  },
];
