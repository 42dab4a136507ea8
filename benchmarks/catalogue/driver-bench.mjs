/**
 * Lists the tasks of the drivers' common benchmark (DriverBench). The BSON tasks are left out, because they use no
 * client, and the tasks of `client.bulkWrite()`, because MongoDB before 8.0 lacks it. With `--full`, `operations`,
 * `files` and so on are the numbers of DriverBench, else a part of them: megabytes per second do not depend on it.
 */
const tasks = {
  runCommand: { group: 'single', title: 'run command', brief: true },
  findOneById: { group: 'single', title: 'find one by id' },
  smallInsertOne: { group: 'single', title: 'small doc insertOne' },
  largeInsertOne: { group: 'single', title: 'large doc insertOne', brief: true },
  findMany: { group: 'multi', title: 'find many and empty the cursor' },
  smallInsertMany: { group: 'multi', title: 'small doc bulk insert', brief: true },
  largeInsertMany: { group: 'multi', title: 'large doc bulk insert' },
  smallBulkWrite: { group: 'multi', title: 'small doc collection bulkWrite insert' },
  largeBulkWrite: { group: 'multi', title: 'large doc collection bulkWrite insert' },
  mixedBulkWrite: { group: 'multi', title: 'small doc collection bulkWrite mixed operations' },
  gridFSUpload: { group: 'multi', title: 'GridFS upload', brief: true },
  gridFSDownload: { group: 'multi', title: 'GridFS download', brief: true },
  ldjsonImport: { group: 'parallel', title: 'LDJSON multi-file import' },
  ldjsonExport: { group: 'parallel', title: 'LDJSON multi-file export' },
  gridFSMultiUpload: { group: 'parallel', title: 'GridFS multi-file upload' },
  gridFSMultiDownload: { group: 'parallel', title: 'GridFS multi-file download' },
};

const groups = { single: 'single-document', multi: 'multi-document', parallel: 'parallel' };

export function driverBench({ driverBench: sizes, data }) {
  return Object.entries(tasks).map(([task, { group, title, brief = false }]) => ({
    id: `driverBench${task.charAt(0).toUpperCase()}${task.slice(1)}`,
    subject: `DriverBench, ${groups[group]} tasks`,
    title,
    program: 'driver-bench',
    settings: { task, data, ...sizes },
    needs: needsOf(task, sizes),
    ownDatabase: true,
    full: !brief,
  }));
}

function needsOf(task, { ldjson, binaries }) {
  if (task.startsWith('ldjson')) return [{ what: 'ldjson', ...ldjson }];
  if (task.startsWith('gridFSMulti')) return [{ what: 'binaries', ...binaries }];
  return [];
}
