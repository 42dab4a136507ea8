// Aggregations, indexes and commands.
import { MongoClient } from '@mongo-offload/core';

const client = new MongoClient(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017');
const db = client.db('motor_tour');
const sales = db.collection('sales');
await sales.deleteMany({});
const towns = ['Aachen', 'Bergen', 'Cork'];
await sales.insertMany(
  Array.from({ length: 300 }, (_, i) => ({ town: towns[i % 3], amount: i, day: i % 30 })),
);

// An index is created once; asking again for one that exists changes nothing.
console.log('index:', await sales.createIndex({ town: 1, amount: -1 }));

// A pipeline is computed by the server. Its cursor is read like that of find().
const totals = sales.aggregate([
  { $group: { _id: '$town', total: { $sum: '$amount' }, best: { $max: '$amount' } } },
  { $sort: { _id: 1 } },
]);
for await (const { _id, total, best } of totals) console.log(`${_id}: ${total}, best ${best}`);

// Was the index used? explain() tells.
const { queryPlanner } = await sales.find({ town: 'Cork' }).explain('queryPlanner');
console.log('plan:', queryPlanner.winningPlan.inputStage.stage);

// Whatever has no method of its own is a command.
const { ok } = await db.command({ ping: 1 });
const { n } = await db.command({ count: 'sales', query: { day: 3 } });
console.log('ping:', ok, 'count:', n);

// Operations that do not depend on each other can be under way at the same time.
const best = await Promise.all(
  towns.map((town) => sales.findOne({ town }, { sort: { amount: -1 } })),
);
console.log('best of each:', best.map(({ amount }) => amount).join(', '));

await client.close();
