import { documents } from './documents.mjs';

const documentsAtOnce = 2_000;

/** Fills the collections that the sections read, by the native driver. */
export async function fillCollections(db, tweet, sizes) {
  await fill(db.collection('tweets'), tweet, sizes.documents);
  await fill(db.collection('mixed'), tweet, sizes.documents, { manyShapes: true });
  if (sizes.largeDocuments > 0) await fill(db.collection('large'), tweet, sizes.largeDocuments);
}

async function fill(collection, tweet, count, options) {
  for (let from = 0; from < count; from += documentsAtOnce) {
    const batch = documents(tweet, from, Math.min(documentsAtOnce, count - from), options);
    await collection.insertMany(batch);
  }
}
