const widths = [1, 8, 64, 512];
const workerCounts = [undefined, 1, 2, 4];

/**
 * Measures single operations with a number of them in flight. Without `--full`: all widths of findOne, the
 * narrowest and one wide width of the writes, and two workers if a goal needs them.
 */
export function pointOperations(sizes) {
  const sections = [];
  for (const method of ['findOne', 'updateOne', 'insertOne']) {
    for (const workers of workerCounts) {
      for (const width of widths) sections.push(section(sizes, method, width, workers));
    }
  }
  const goals = (place) => place.width === 64 && place.workers === 2;
  const brief = ({ method, width, workers }) =>
    workers === undefined && (method === 'findOne' || width === 1 || width === 64);
  return [
    ...sections.map(({ place, ...rest }) => ({
      ...rest,
      full: !(brief(place) || (place.method === 'findOne' && goals(place))),
    })),
    cold(sizes),
    ...[1, 64].map((width) => smallResults(sizes, width)),
    ...whatIsNotUsed(sizes),
  ];
}

/** Measures an application that has just started: on all sides, most of its code is not compiled yet. */
function cold(sizes) {
  const { place: _, ...warm } = section(sizes, 'findOne', 1);
  const operations = sizes.coldOperations;
  return {
    ...warm,
    id: 'findOne1Cold',
    title: `findOne(), 1 in flight, the first ${operations} of a process`,
    settings: { ...warm.settings, operations, warmUp: 0 },
    peers: false,
  };
}

/** Measures the most frequent operation of applications: a query that finds a few documents. */
function smallResults(sizes, width) {
  const { place: _, ...single } = section(sizes, 'findTen', width);
  return {
    ...single,
    subject: 'find().toArray() of 10 documents',
    title: `find().toArray() of 10 documents, ${width} in flight`,
    peers: false,
  };
}

/** Measures the cost of events and sessions. findOne64 is the same work without them. */
function whatIsNotUsed(sizes) {
  return [
    {
      ...section(sizes, 'findOne', 64),
      id: 'findOne64Monitored',
      title: 'findOne(), 64 in flight, command events listened to',
      extra: { monitored: true },
    },
    {
      ...section(sizes, 'findOne', 64),
      id: 'findOne64InSessions',
      title: 'findOne(), 64 in flight, each in a session',
      extra: { sessions: true },
    },
  ].map(({ extra, place: _, ...rest }) => ({
    ...rest,
    subject: 'Events and sessions (without them: findOne(), 64 in flight)',
    settings: { ...rest.settings, ...extra },
    sides: ['native', 'ours'],
    peers: false,
  }));
}

function section(sizes, method, width, workers) {
  const { operations, warmUpOperations, pointDocuments, data } = sizes;
  const collection = method === 'updateOne' ? 'updated' : 'points';
  return {
    place: { method, width, workers },
    id: `${method}${width}${workers === undefined ? '' : `Workers${workers}`}`,
    subject: `${method}()`,
    title:
      `${method}(), ${width} in flight` +
      (workers === undefined ? '' : `, ${workers} ${workers === 1 ? 'worker' : 'workers'}`),
    program: 'point-operation',
    workers,
    settings: {
      method,
      collection,
      documents: pointDocuments,
      operations,
      // Each worker warms up; the other sides run the same number of operations.
      warmUp: warmUpOperations * (workers ?? 1),
      warmUpBursts: workers ?? 1,
      width,
      data,
    },
    needs:
      method === 'insertOne'
        ? []
        : [{ what: 'collection', name: collection, kind: 'tweet', documents: pointDocuments }],
    ownDatabase: method === 'insertOne',
    peers: method === 'findOne' && workers === undefined,
  };
}
