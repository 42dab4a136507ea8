export function inserting({ inserts, data }) {
  return [
    {
      id: 'insertMany',
      subject: 'insertMany()',
      title: `insertMany() of ${inserts.toLocaleString('en')} documents`,
      program: 'insert-many',
      settings: { count: inserts, data },
      ownDatabase: true,
    },
  ];
}
