// Runs in every test file, after jest's globals exist and before the file's own code.
//
// The guard: on the main thread, the driver must open no connection for an operation. If an event shows that it
// did, the test fails. A test of an exception in docs/compatibility.md calls `mainConnections.allow(reason)` first.
import { MongoClient } from '@mongo-offload/core';

interface MainConnections {
  /** Call this in a test whose operations run on the main thread by design. */
  allow(reason: string): void;
}

declare global {
  var mainConnections: MainConnections;
}

let opened: string[] = [];
let allowed: string | undefined;

globalThis.mainConnections = {
  allow(reason) {
    allowed = reason;
  },
};

const { emit } = MongoClient.prototype;
Object.defineProperty(MongoClient.prototype, 'emit', {
  configurable: true,
  writable: true,
  value(this: MongoClient, event: string, ...args: unknown[]): boolean {
    if (event === 'connectionCreated') {
      const created = args[0] as { address: string; offloadWorker?: number };
      // Events of the workers' pools name the worker.
      if (created.offloadWorker === undefined) opened.push(created.address);
    }
    return Reflect.apply(emit, this, [event, ...args]) as boolean;
  },
});

beforeEach(() => {
  opened = [];
  allowed = undefined;
});

afterEach(() => {
  if (opened.length === 0 || allowed !== undefined) return;
  throw new Error(
    `the driver opened ${opened.length} connection(s) on the main thread (${opened.join(', ')})`,
  );
});
