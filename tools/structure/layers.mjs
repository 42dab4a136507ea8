// @ts-check
/*
 * The structure of both packages. Each folder is a room; its door is its index.ts. A room may import from the rooms
 * above it in this list, and only through their doors. `npm run lint` enforces it, and draws the picture in
 * docs/architecture.md from it.
 */

/**
 * @typedef {object} Layer
 * @property {string} name - what the rooms of this layer do together
 * @property {Record<string, string>} rooms - each room's folder below `src`, and what it is for
 */

/** @type {Record<string, Layer[]>} From the lowest layer, which imports from no other, to the highest. */
export const layers = {
  'packages/worker': [
    {
      name: 'codec',
      rooms: {
        'codec/bson': 'small parts of BSON that the rest of the codec shares',
        'codec/tape/format': 'what a tape is, and which options change it',
        'codec/tape/decode': 'documents from a tape, on the main thread',
        'codec/tape/encode': 'a tape from BSON, in the worker',
        'codec/tape': 'the tape: results, on their way to the main thread',
        'codec/arguments': 'arguments as BSON, on their way to the worker',
        codec: 'the door of the codec',
      },
    },
    {
      name: 'protocol',
      rooms: {
        errors: 'an error as an envelope, and as the driver’s class again',
        carried: 'arguments that BSON cannot hold',
        'server-checks': 'checks of what a server sends, before the driver reads it',
        protocol: 'the messages between the threads, and the table of operations',
      },
    },
    {
      name: 'driver',
      rooms: {
        abort: 'signals and reasons of aborted calls',
        driver: 'the driver’s private parts that the worker uses or patches',
      },
    },
    {
      name: 'clients',
      rooms: {
        events: 'command, pool and log events, on their way to the main thread',
        session: 'sessions of the main thread, as the driver’s sessions here',
        client: 'the worker’s MongoClient for each client of the application',
      },
    },
    {
      name: 'operations',
      rooms: {
        cursor: 'cursors: batches from the driver to the tape, and their end',
        operations: 'runs one operation with the driver',
      },
    },
    {
      name: 'lane',
      rooms: {
        lane: 'receives calls, sends replies',
        '.': 'the file that a worker thread starts with',
      },
    },
  ],
  'packages/core': [
    {
      name: 'ground',
      rooms: {
        'event-loop': 'Node’s own timers, ticks and async contexts',
        errors: 'our error classes and warnings, and stacks that show the caller',
        driver: 'the driver’s private parts that the main thread uses',
        abort: 'signals, deadlines and time limits',
        options: 'offload options: defaults, checks',
      },
    },
    {
      name: 'calls',
      rooms: {
        calls: 'encodes arguments and options of a call',
        tracing: 'the operations’ diagnostics channel',
        events: 'events of workers, delivered to listeners',
      },
    },
    {
      name: 'pool',
      rooms: {
        'pool/lane': 'the channel to one worker: calls out, replies in',
        'pool/threads': 'starts, restarts and ends worker threads',
        pool: 'the door of the pool',
      },
    },
    {
      name: 'client',
      rooms: {
        transaction: 'transactions of async contexts, and the order inside one',
        'client/credentials': 'options and callbacks that cannot cross to a worker',
        'client/call': 'one call: target, session, flags',
        'client/admission': 'how many calls are in flight, and which must wait',
        'client/routing': 'which worker serves a call, and what happens when it dies',
        client: 'the client link: one pipeline for every call',
      },
    },
    {
      name: 'facade',
      rooms: {
        session: 'ClientSession',
        'cursor/remote': 'a cursor’s counterpart in its worker',
        cursor: 'FindCursor, AggregationCursor and the other cursors',
        'change-stream': 'ChangeStream',
        gridfs: 'GridFSBucket',
        methods: 'the one mechanism that makes a driver’s method run in a worker',
        bulk: 'ordered and unordered bulk operations',
        statistics: 'client.offload: statistics of workers and the event loop',
        'facade/monitoring': 'the driver’s monitoring, which stays on the main thread',
        facade: 'MongoClient, Db, Collection, Admin',
      },
    },
    {
      name: 'package',
      rooms: {
        '.': 'what the package exports',
        register: 'replaces `mongodb` for a program that is not changed',
      },
    },
  ],
};

/**
 * Folders whose rooms import each other's files, not their doors. TypeScript compiles a door's exports to getters, and the
 * codec reads constants and functions in its innermost loops. Through doors, encoding a tweet took 2.2 µs instead of 1.85,
 * and decoding it 0.25 instead of 0.18.
 */
export const withoutInnerDoors = ['packages/worker/src/codec/'];

/** Imports past a door, with the reason why the door will not do. */
export const exceptions = [
  {
    from: 'packages/core/src/register/index.ts',
    to: ['packages/core/src/errors/warning.ts', 'packages/core/src/pool/threads/our-worker.ts'],
    reason: 'register must load neither the driver nor our classes, which these doors load',
  },
];
