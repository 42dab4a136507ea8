/**
 * All that is measured, in the order of the report. A mark is what the project wants to reach: `ratio` of
 * ours to native, or `value` of ours, or `difference` of ours to native; `now`, and `later` where there is
 * a further one.
 */
export function catalogue({ documents, largeDocuments, operations, inserts, singleInserts, data }) {
  return [
    ...reading(documents, largeDocuments),
    ...finding(documents, operations),
    ...inserting(inserts, singleInserts, data),
    {
      id: 'idle',
      subject: 'A client at rest, and start-up',
      title: 'connected and idle, one worker',
      program: 'idle',
      settings: { waitMS: 500 },
      workers: 1,
      marks: { residentMemory: { kind: 'difference', now: 40 } },
    },
    {
      id: 'startUp',
      subject: 'A client at rest, and start-up',
      title: 'a program that reads one document',
      program: 'start-up',
      settings: {},
      marks: {},
    },
  ];
}

const longestStall = { kind: 'value', now: 30, later: 10 };
const stallMarks = { stallMax: longestStall, gapMax: longestStall };
const twiceAsFast = { kind: 'ratio', now: 2, later: 3 };
const mainCpuOfReading = { kind: 'ratio', now: 1 / 8, later: 1 / 20 };

function reading(documents, largeDocuments) {
  const read = (id, title, way, collection, count, marks, sides) => ({
    id,
    subject: `Reading ${count.toLocaleString('en')} documents`,
    title,
    program: 'read',
    settings: { way, collection },
    marks: { ...stallMarks, ...marks },
    sides,
  });
  const arrayMarks = { mainCpuPerDocument: mainCpuOfReading, documentsPerSecond: twiceAsFast };
  const loopMarks = { documentsPerSecond: twiceAsFast };
  const sections = [
    read('toArray', 'toArray()', 'toArray', 'tweets', documents, arrayMarks),
    read('forAwait', 'for await', 'forAwait', 'tweets', documents, loopMarks),
    read('batches', 'batches(), which native has not', 'batches', 'tweets', documents, {}, [
      'ours',
    ]),
    read('stream', 'stream()', 'stream', 'tweets', documents, {}),
    read('mixed', 'toArray(), documents of many shapes', 'toArray', 'mixed', documents, arrayMarks),
  ];
  if (largeDocuments > 0) {
    sections.push(
      read('largeToArray', 'toArray()', 'toArray', 'large', largeDocuments, arrayMarks),
      read('largeForAwait', 'for await', 'forAwait', 'large', largeDocuments, loopMarks),
      read('largeBatches', 'batches()', 'batches', 'large', largeDocuments, {}, ['ours']),
    );
  }
  return sections;
}

function finding(documents, operations) {
  const marks = {
    1: { latencyMedian: { kind: 'ratio', now: 1.4, later: 1.15 } },
    64: { mainCpuPerOperation: { kind: 'ratio', now: 1 / 5, later: 1 / 15 } },
  };
  return [1, 8, 64, 512].map((width) => ({
    id: `findOne${width}`,
    subject: 'findOne({ _id })',
    title: `findOne(), ${width} in flight`,
    program: 'find-one',
    settings: {
      collection: 'tweets',
      documents,
      operations: width === 1 ? Math.ceil(operations / 4) : operations,
      width,
    },
    marks: marks[width] ?? {},
  }));
}

function inserting(inserts, singleInserts, data) {
  return [
    {
      id: 'insertMany',
      subject: 'Inserting',
      title: `insertMany() of ${inserts.toLocaleString('en')} documents`,
      program: 'insert-many',
      settings: { count: inserts, data },
      ownDatabase: true,
      marks: { mainCpuPerDocument: { kind: 'ratio', now: 1 / 4 } },
    },
    {
      id: 'insertOne',
      subject: 'Inserting',
      title: `insertOne(), ${singleInserts.toLocaleString('en')} one behind the other`,
      program: 'insert-one',
      settings: { operations: singleInserts, data },
      ownDatabase: true,
      marks: {},
    },
  ];
}
