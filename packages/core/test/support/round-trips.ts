import type { MongoClient } from 'mongodb';

/** Some round trips to the server: what could have been sent by now has been. */
export async function roundTrips(admin: MongoClient): Promise<void> {
  for (let i = 0; i < 5; i++) await admin.db('admin').command({ ping: 1 });
}
