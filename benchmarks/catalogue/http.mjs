/** Measures a server as users run it, under load from another process. */
export function http({ exportDocuments, exports, httpSeconds }) {
  const collection = `exported_${exportDocuments}`;
  const section = (id, title, settings, flags) => ({
    id,
    subject: 'An HTTP server',
    title,
    program: 'http',
    settings: { collection, documents: exportDocuments, ...settings },
    needs: [{ what: 'collection', name: collection, kind: 'tweet', documents: exportDocuments }],
    ...flags,
  });
  const exported = `exports of ${exportDocuments.toLocaleString('en')} documents`;
  const underExports = (exportWay, rates) => ({
    exportWay,
    load: { exports, rates },
    watchedLoad: { exports: Math.ceil(exports / 2), rates },
  });
  const health = { health: 100 };
  return [
    section(
      'http',
      `${exported} by stream(), point reads, hashing, health checks`,
      underExports('stream', { ...health, document: 100, busy: 20 }),
    ),
    section(
      'httpExport',
      `${exported} by stream(), and health checks`,
      underExports('stream', health),
    ),
    section(
      'httpExportForAwait',
      `${exported} by for await, and health checks`,
      underExports('forAwait', health),
      { full: true },
    ),
    section(
      'httpExportToArray',
      `${exported} by toArray(), and health checks`,
      underExports('toArray', health),
      { full: true },
    ),
    section(
      'httpReads',
      'point reads only, 32 connections, as fast as they are answered',
      {
        load: { connections: 32, seconds: httpSeconds },
        watchedLoad: { connections: 32, seconds: httpSeconds / 2 },
      },
      { full: true },
    ),
  ];
}
