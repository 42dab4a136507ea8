import { MongoClient, type OffloadMongoClientOptions } from '@mongo-offload/core';

/** A client that notices within a second or two that a server is gone. */
export function noticingClient(uri: string, options: OffloadMongoClientOptions): MongoClient {
  return new MongoClient(uri, {
    heartbeatFrequencyMS: 500,
    connectTimeoutMS: 1_000,
    ...options,
  });
}
