/** Names the ways of reading in the report. */
export const ways = {
  toArray: 'toArray()',
  forAwait: 'for await',
  batches: 'batches() (native: readBufferedDocuments())',
  stream: 'stream()',
};

/**
 * Lists the kinds of documents: the prefix of a section's id, the name in the report, and how to make them.
 * `floor`: a literal can build them.
 */
const kinds = {
  tweet: { prefix: '', title: 'tweets', peers: true, floor: true },
  mixed: { prefix: 'mixed', title: 'tweets of many shapes', shapes: true },
  vega: { prefix: 'vega', title: 'flights of vega-datasets', floor: true },
  flat: { prefix: 'flat', title: 'flat documents', floor: true },
  deep: { prefix: 'deep', title: 'deep documents', floor: true },
  full: { prefix: 'full', title: 'documents of all types' },
};

/** Larger sections warm up, and sample allocations, with this number of documents. */
const lightDocuments = 20_000;

export function reading({ documents, largeDocuments, fewDocuments, fewRepeats }) {
  const few = read('tweet', 'toArray', 'few', fewDocuments, { repeat: fewRepeats });
  return [
    ...readAll('', documents, ({ kind, way }) => ({
      full: !(kind === 'tweet' || (way === 'toArray' && (kind === 'mixed' || kind === 'vega'))),
    })),
    { ...few, title: `${few.title}, ${fewRepeats} times` },
    readLazily('tweet', 'toArray', documents),
    readLazily('tweet', 'forAwait', documents),
    readLazily('deep', 'toArray', documents),
    ...readAll('large', largeDocuments, ({ kind }) => ({
      large: true,
      full: kind !== 'tweet',
    })),
  ];
}

function readAll(prefix, documents, flagsOf) {
  return Object.keys(kinds).flatMap((kind) =>
    Object.keys(ways).map((way) => ({
      ...read(kind, way, prefix, documents),
      ...flagsOf({ kind, way }),
    })),
  );
}

function read(kind, way, prefix, documents, settings = {}) {
  const { title, peers = false, floor = false } = kinds[kind];
  // Each size has its own collection, so every section reads a collection to its end.
  const collection = `${kind}_${documents}`;
  return {
    id: lowerFirst(`${prefix}${upperFirst(kinds[kind].prefix)}${upperFirst(way)}`),
    subject: `Reading ${documents.toLocaleString('en')} ${title}`,
    title: ways[way],
    program: 'read',
    settings: {
      collection,
      way,
      documents,
      lightDocuments: documents > lightDocuments ? lightDocuments : undefined,
      ...settings,
    },
    needs: [{ what: 'collection', name: collection, kind, documents }],
    peers: peers && (way === 'toArray' || way === 'forAwait'),
    floor: way === 'toArray' && !floor ? undefined : floorOf(way),
  };
}

/** Reads with `offload: { lazy: true }` on our side, as an application would that uses few of many fields. */
function readLazily(kind, way, documents) {
  const section = read(kind, way, 'lazy', documents, { lazy: true });
  return {
    ...section,
    title: `${section.title}, ours lazily`,
    full: true,
    floor: undefined,
    peers: false,
  };
}

/** `toArray()` keeps the documents, which costs V8 time. The other ways keep nothing. */
export function floorOf(way) {
  return way === 'toArray' ? 'floor-of-objects' : 'floor-of-waiting';
}

function upperFirst(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowerFirst(text) {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
