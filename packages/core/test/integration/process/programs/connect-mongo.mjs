// A program on express-session and connect-mongo: a counter of visits, asked over HTTP.
import { createServer } from 'node:http';
import MongoStore from 'connect-mongo';
import session from 'express-session';
import { MongoClient } from 'mongodb';
import { report, seen, stable } from './report.cjs';

const dbName = process.env.TEST_DB;
const client = new MongoClient(process.env.TEST_URI);
const sessions = client.db(dbName).collection('sessions');

/** A store of each kind: on the program's own client, and on one that connect-mongo makes. */
const stores = {
  ofClient: MongoStore.create({ client, dbName, collectionName: 'sessions', touchAfter: 60 }),
  ofUri: MongoStore.create({
    mongoUrl: process.env.TEST_URI,
    dbName,
    collectionName: 'sessions',
    crypto: { secret: 'squirrel' },
  }),
};

for (const [kind, store] of Object.entries(stores)) {
  const handler = session({ store, secret: 'cat', resave: false, saveUninitialized: false });
  const server = createServer((request, response) => {
    handler(request, response, (error) => {
      if (error) return response.writeHead(500).end(String(error));
      if (request.url === '/leave') return request.session.destroy(() => response.end('left'));
      request.session.visits = (request.session.visits ?? 0) + 1;
      response.end(String(request.session.visits));
    });
  });
  await new Promise((resolve) => server.listen(0, resolve));
  let cookie;
  const get = async (path) => {
    const { port } = server.address();
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: cookie ? { cookie } : {},
    });
    cookie = response.headers.get('set-cookie')?.split(';', 1)[0] ?? cookie;
    return await response.text();
  };
  const answers = [await get('/'), await get('/'), await get('/')];
  const [stored] = await sessions.find().toArray();
  const all = await new Promise((resolve) => store.all((_error, found) => resolve(found?.length)));
  const length = await new Promise((resolve) => store.length((_error, count) => resolve(count)));
  answers.push(await get('/leave'), await get('/'));
  const cleared = await new Promise((resolve) =>
    store.clear((error) => resolve(error ?? 'cleared')),
  );
  seen[kind] = {
    answers,
    stored: Object.fromEntries(
      Object.entries(stored).map(([key, value]) => [key, value.constructor.name]),
    ),
    all,
    length,
    cleared,
  };
  await new Promise((resolve) => server.close(resolve));
}
seen.indexes = stable(await sessions.indexes());
await client.db(dbName).dropDatabase();
await stores.ofUri.close();
await client.close();
report();
