import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { idOf } from '../../data/documents.mjs';
import { filesIn } from '../../data/files.mjs';
import { emptyBucket } from './gridfs.mjs';

/** Documents of a file in one call. */
const insertedAtOnce = 1_000;

export function ldjsonImport({ db, files }) {
  const { paths, bytes, documents } = filesIn(files.ldjson);
  let collections = 0;
  return {
    unit: 'document',
    count: documents,
    megabytes: bytes / 1e6,
    prepare: async () => await db.createCollection(`corpus_${++collections}`),
    async work(corpus) {
      const counts = await Promise.all(paths.map((file) => importFile(corpus, file)));
      return { imported: counts.reduce((sum, count) => sum + count, 0) };
    },
  };
}

async function importFile(corpus, file) {
  const handle = await open(file);
  let inserted = 0;
  let documents = [];
  const insert = async () => {
    const { insertedCount } = await corpus.insertMany(documents, { ordered: false });
    inserted += insertedCount;
    documents = [];
  };
  for await (const line of handle.readLines()) {
    documents.push(JSON.parse(line));
    if (documents.length === insertedAtOnce) await insert();
  }
  if (documents.length > 0) await insert();
  return inserted;
}

export async function ldjsonExport({ db, files }) {
  const { paths, bytes, documents } = filesIn(files.ldjson);
  const inFile = documents / paths.length;
  const corpus = db.collection('corpus');
  await importNumbered(corpus, paths, inFile);
  const folder = mkdtempSync(path.join(files.scratch, 'exported-'));
  return {
    unit: 'document',
    count: documents,
    megabytes: bytes / 1e6,
    async work() {
      await Promise.all(
        paths.map(async (_, number) => {
          const filter = { _id: { $gte: idOf(number * inFile), $lt: idOf((number + 1) * inFile) } };
          const lines = corpus.find(filter).map(toLine).stream();
          await pipeline(lines, createWriteStream(path.join(folder, `${number}.json`)));
        }),
      );
      return { exported: filesIn(folder).bytes };
    },
    finish: () => rmSync(folder, { recursive: true }),
  };
}

async function importNumbered(corpus, paths, inFile) {
  for (const [number, file] of paths.entries()) {
    const handle = await open(file);
    const documents = [];
    for await (const line of handle.readLines()) {
      documents.push({ _id: idOf(number * inFile + documents.length), ...JSON.parse(line) });
    }
    await corpus.insertMany(documents);
  }
}

function toLine(document) {
  return `${JSON.stringify(document)}\n`;
}

export function gridFSMultiUpload({ db, module, files }) {
  const { paths, bytes } = filesIn(files.binaries);
  return {
    unit: 'megabyte',
    count: bytes / 1e6,
    prepare: () => emptyBucket(db, module),
    async work(bucket) {
      await Promise.all(paths.map((file) => uploadFile(bucket, file)));
      return { files: paths.length };
    },
  };
}

async function uploadFile(bucket, file) {
  await pipeline(createReadStream(file), bucket.openUploadStream(path.basename(file)));
}

export async function gridFSMultiDownload({ db, module, files }) {
  const { paths, bytes } = filesIn(files.binaries);
  const bucket = await emptyBucket(db, module);
  for (const file of paths) await uploadFile(bucket, file);
  const folder = mkdtempSync(path.join(files.scratch, 'downloaded-'));
  return {
    unit: 'megabyte',
    count: bytes / 1e6,
    async work() {
      await Promise.all(
        paths.map(async (file) => {
          const name = path.basename(file);
          const target = createWriteStream(path.join(folder, name));
          await pipeline(bucket.openDownloadStreamByName(name), target);
        }),
      );
      return { downloaded: filesIn(folder).bytes };
    },
    finish: () => rmSync(folder, { recursive: true }),
  };
}
