/** Measures start-up, and the memory of a client that does nothing. */
export function atRest() {
  return [
    {
      id: 'startUp',
      subject: 'Start-up, and a client at rest',
      title: 'a program that reads one document',
      program: 'start-up',
      settings: { collection: 'few' },
      needs: [{ what: 'collection', name: 'few', kind: 'tweet', documents: 10 }],
    },
    ...[1, 2, 4].map((workers) => ({
      id: `idle${workers}`,
      subject: 'Start-up, and a client at rest',
      title: `connected and idle, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
      program: 'idle',
      workers,
      settings: { waitMS: 300 },
    })),
  ];
}
