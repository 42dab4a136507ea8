/**
 * The work that both clients do. It is the same code for both: only the import that made `db` differs.
 * Each gives back the documents that it read.
 */
export const works = [
  {
    title: 'find().toArray(), everything',
    async run(db) {
      const flights = await db.collection('flights').find().toArray();
      const movies = await db.collection('movies').find().toArray();
      return [...flights, ...movies];
    },
  },
  {
    title: 'for await over everything',
    async run(db) {
      const documents = [];
      for await (const flight of db.collection('flights').find()) documents.push(flight);
      for await (const movie of db.collection('movies').find()) documents.push(movie);
      return documents;
    },
  },
  {
    title: 'aggregate(): delays by route length and hour',
    async run(db) {
      const pipeline = [
        {
          $group: {
            _id: { distance: '$distance', hour: { $floor: '$time' } },
            flights: { $sum: 1 },
            meanDelay: { $avg: '$delay' },
            worst: { $max: '$delay' },
          },
        },
        { $sort: { '_id.distance': 1, '_id.hour': 1 } },
      ];
      return await db.collection('flights').aggregate(pipeline).toArray();
    },
  },
  {
    title: '2,000 × findOne(), 32 at a time',
    async run(db, { movies }) {
      const found = new Array(2_000);
      let next = 0;
      const lane = async () => {
        while (next < found.length) {
          const number = next++;
          found[number] = await db.collection('movies').findOne({ _id: number % movies.length });
        }
      };
      await Promise.all(Array.from({ length: 32 }, lane));
      return found;
    },
  },
];
