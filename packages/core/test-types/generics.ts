import { expectTypeOf } from 'expect-type';
import {
  MongoClient,
  MongoServerError,
  ObjectId,
  type AnyBulkWriteOperation,
  type ChangeStreamDocument,
  type ChangeStreamInsertDocument,
  type Collection,
  type Condition,
  type DeleteResult,
  type Document,
  type Filter,
  type FindOptions,
  type InferIdType,
  type InsertManyResult,
  type InsertOneResult,
  type Long,
  type MatchKeysAndValues,
  type ModifyResult,
  type OptionalId,
  type OptionalUnlessRequiredId,
  type Sort,
  type StrictFilter,
  type UpdateFilter,
  type UpdateResult,
  type WithId,
  type WithoutId,
} from '@mongo-offload/core';

// A program as it is written for the driver; only the name of the package differs.

interface Pet {
  name: string;
  age?: number;
  tags: string[];
  weights: Map<string, number>;
  owner: { name: string; since: Date };
  visits: { at: Date; cost: number }[];
}
interface NumberedPet extends Pet {
  _id: number;
}

const client = new MongoClient('mongodb://localhost');
const pets = client.db('zoo').collection<Pet>('pets');
const numbered = client.db('zoo').collection<NumberedPet>('numbered');
const anything = client.db('zoo').collection('anything');

declare const rex: Pet;

// Ids
expectTypeOf<InferIdType<Pet>>().toEqualTypeOf<ObjectId>();
expectTypeOf<InferIdType<NumberedPet>>().toEqualTypeOf<number>();
expectTypeOf<InferIdType<Document>>().toEqualTypeOf<ObjectId>();
expectTypeOf<WithId<Pet>['_id']>().toEqualTypeOf<ObjectId>();
expectTypeOf<WithoutId<NumberedPet>>().not.toHaveProperty('_id');
expectTypeOf<Pet>().toExtend<OptionalUnlessRequiredId<Pet>>();
expectTypeOf<Pet>().not.toExtend<OptionalUnlessRequiredId<NumberedPet>>();
expectTypeOf<NumberedPet>().toExtend<OptionalUnlessRequiredId<NumberedPet>>();
expectTypeOf<OptionalId<NumberedPet>['_id']>().toEqualTypeOf<number | undefined>();

// Inserting
expectTypeOf(pets.insertOne(rex)).resolves.toEqualTypeOf<InsertOneResult<Pet>>();
expectTypeOf(pets.insertMany([rex])).resolves.toEqualTypeOf<InsertManyResult<Pet>>();
expectTypeOf(numbered.insertOne({ ...rex, _id: 1 })).resolves.toEqualTypeOf<
  InsertOneResult<NumberedPet>
>();
expectTypeOf<InsertOneResult<NumberedPet>['insertedId']>().toEqualTypeOf<number>();
// @ts-expect-error its id is a number, and required
void numbered.insertOne(rex);
// @ts-expect-error a field is missing
void pets.insertOne({ name: 'Rex' });
void anything.insertOne({ whatever: 1 });

// Reading
expectTypeOf(pets.findOne({ name: 'Rex' })).resolves.toEqualTypeOf<WithId<Pet> | null>();
expectTypeOf(
  pets.findOne<{ name: string }>({}, { projection: { name: 1 } }),
).resolves.toEqualTypeOf<{
  name: string;
} | null>();
expectTypeOf(anything.findOne()).resolves.toEqualTypeOf<WithId<Document> | null>();
expectTypeOf(pets.find({ age: { $gt: 3 } }).toArray()).resolves.toEqualTypeOf<WithId<Pet>[]>();
expectTypeOf(pets.find().next()).resolves.toEqualTypeOf<WithId<Pet> | null>();
expectTypeOf(
  pets
    .find()
    .map(({ name }) => name)
    .toArray(),
).resolves.toEqualTypeOf<string[]>();
expectTypeOf(pets.find().project<{ name: string }>({ name: 1 }).toArray()).resolves.toEqualTypeOf<
  { name: string }[]
>();
expectTypeOf(
  pets
    .find()
    .filter({ age: 3 })
    .sort({ age: -1 })
    .limit(3)
    .skip(1)
    .batchSize(10)
    .hint('a')
    .toArray(),
).resolves.toEqualTypeOf<WithId<Pet>[]>();
expectTypeOf(pets.find<{ n: number }>({}).toArray()).resolves.toEqualTypeOf<{ n: number }[]>();
expectTypeOf(
  pets.aggregate<{ total: number }>([{ $count: 'total' }]).toArray(),
).resolves.toEqualTypeOf<{ total: number }[]>();
expectTypeOf(
  pets.aggregate().match({}).group<{ _id: string }>({ _id: '$name' }).next(),
).resolves.toEqualTypeOf<{
  _id: string;
} | null>();
expectTypeOf(pets.distinct('name')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(pets.distinct('_id')).resolves.toEqualTypeOf<ObjectId[]>();
expectTypeOf(pets.countDocuments({ tags: 'good' })).resolves.toEqualTypeOf<number>();
expectTypeOf(pets.estimatedDocumentCount()).resolves.toEqualTypeOf<number>();

async function loops(): Promise<void> {
  for await (const pet of pets.find()) expectTypeOf(pet).toEqualTypeOf<WithId<Pet>>();
  for await (const name of pets.find().map(({ name }) => name))
    expectTypeOf(name).toEqualTypeOf<string>();
  await using cursor = pets.find();
  expectTypeOf(await cursor.tryNext()).toEqualTypeOf<WithId<Pet> | null>();
  expectTypeOf(cursor.readBufferedDocuments()).toEqualTypeOf<WithId<Pet>[]>();
}
void loops;

// Filters
const filters: Filter<Pet>[] = [
  {},
  { name: 'Rex' },
  { name: /^R/ },
  { name: { $in: ['Rex', /x$/] }, age: { $exists: true, $gte: 1 } },
  { tags: 'good' },
  { tags: { $all: ['good'], $size: 2 } },
  { 'owner.name': 'Ann' },
  { 'visits.cost': { $gt: 10 } },
  { 'visits.0.cost': 10 },
  { visits: { $elemMatch: { cost: { $gt: 10 } } } },
  { $or: [{ name: 'Rex' }, { age: 3 }] },
  { $expr: { $gt: ['$age', 3] } },
  { _id: new ObjectId() },
  { _id: { $in: [new ObjectId()] } },
];
void filters.map((filter) => pets.find(filter));
const strict: StrictFilter<Pet> = { 'owner.name': 'Ann' };
void strict;
expectTypeOf<{ name: string }>().toExtend<Filter<Pet>>();
expectTypeOf<string | RegExp>().toExtend<Condition<string>>();
// @ts-expect-error a name is no number
void pets.findOne({ name: 1 });
// @ts-expect-error nor can it be compared with one
void pets.findOne({ name: { $gt: 1 } });
// @ts-expect-error the id is an ObjectId
void pets.findOne({ _id: 1 });

// Updates
const updates: UpdateFilter<Pet>[] = [
  { $set: { name: 'Max', 'owner.name': 'Ann' } },
  { $inc: { age: 1 } },
  { $push: { tags: 'good', visits: { $each: [{ at: new Date(), cost: 1 }], $slice: -5 } } },
  { $addToSet: { tags: { $each: ['a', 'b'] } } },
  { $pull: { tags: 'bad', visits: { cost: { $gt: 100 } } } },
  { $unset: { age: '' } },
  { $currentDate: { 'owner.since': true } },
  { $min: { age: 1 }, $max: { age: 20 }, $mul: { age: 2 } },
  { $setOnInsert: { name: 'New' }, $rename: { name: 'title' } },
];
expectTypeOf(pets.updateOne({}, updates[0])).resolves.toEqualTypeOf<UpdateResult<Pet>>();
expectTypeOf(
  pets.updateMany({}, [{ $set: { age: { $add: ['$age', 1] } } }]),
).resolves.toEqualTypeOf<UpdateResult<Pet>>();
expectTypeOf(pets.replaceOne({}, rex)).resolves.toExtend<UpdateResult<Pet> | Document>();
expectTypeOf(pets.deleteMany({})).resolves.toEqualTypeOf<DeleteResult>();
const setting: MatchKeysAndValues<Pet> = { 'visits.$[].cost': 3, age: 2 };
void setting;
// @ts-expect-error a name is set to no number
void pets.updateOne({}, { $set: { name: 1 } });
// @ts-expect-error what is no number is not increased
void pets.updateOne({}, { $inc: { name: 1 } });

expectTypeOf(
  pets.findOneAndUpdate({}, { $set: { name: 'a' } }),
).resolves.toEqualTypeOf<WithId<Pet> | null>();
expectTypeOf(
  pets.findOneAndUpdate({}, { $set: { name: 'a' } }, { includeResultMetadata: true }),
).resolves.toEqualTypeOf<ModifyResult<Pet>>();
expectTypeOf(
  pets.findOneAndDelete({}, { includeResultMetadata: false }),
).resolves.toEqualTypeOf<WithId<Pet> | null>();
expectTypeOf(
  pets.findOneAndReplace({}, rex, { returnDocument: 'after' }),
).resolves.toEqualTypeOf<WithId<Pet> | null>();

// Bulk
const operations: AnyBulkWriteOperation<Pet>[] = [
  { insertOne: { document: rex } },
  { updateOne: { filter: { name: 'Rex' }, update: { $inc: { age: 1 } }, upsert: true } },
  { deleteMany: { filter: { age: { $lt: 1 } } } },
];
expectTypeOf(pets.bulkWrite(operations, { ordered: false })).resolves.toHaveProperty('upsertedIds');
void client.bulkWrite<{ 'zoo.pets': Pet }>([
  { namespace: 'zoo.pets', name: 'insertOne', document: { ...rex, _id: new ObjectId() } },
  { namespace: 'zoo.pets', name: 'deleteOne', filter: { name: 'Rex' } },
]);

// Change streams
const stream = pets.watch<Pet, ChangeStreamDocument<Pet>>([], { fullDocument: 'updateLookup' });
stream.on('change', (change) => {
  expectTypeOf(change).toEqualTypeOf<ChangeStreamDocument<Pet>>();
  if (change.operationType === 'insert') {
    expectTypeOf(change).toEqualTypeOf<ChangeStreamInsertDocument<Pet>>();
    expectTypeOf(change.fullDocument).toEqualTypeOf<Pet>();
  }
});
expectTypeOf(stream.next()).resolves.toEqualTypeOf<ChangeStreamDocument<Pet>>();

// Sessions
expectTypeOf(
  client.withSession(async (session) => session.hasEnded),
).resolves.toEqualTypeOf<boolean>();
expectTypeOf(
  client.withSession(
    async (session) =>
      await session.withTransaction(async (inside) => await pets.findOne({}, { session: inside })),
  ),
).resolves.toEqualTypeOf<WithId<Pet> | null>();

// Generic code over collections
async function byId<T extends { _id: ObjectId } & Document>(
  of: Collection<T>,
  id: ObjectId,
): Promise<WithId<T> | null> {
  return await of.findOne({ _id: id } as Filter<T>);
}
void byId;
class Repository<T extends Document> {
  constructor(private readonly of: Collection<T>) {}
  async add(document: OptionalUnlessRequiredId<T>): Promise<InferIdType<T>> {
    return (await this.of.insertOne(document)).insertedId;
  }
  async list(filter: Filter<T>, options?: FindOptions, sort: Sort = {}): Promise<WithId<T>[]> {
    return await this.of
      .find(filter, options ?? {})
      .sort(sort)
      .toArray();
  }
}
expectTypeOf(new Repository(pets).add(rex)).resolves.toEqualTypeOf<ObjectId>();
expectTypeOf(new Repository(numbered).list({ _id: 3 })).resolves.toEqualTypeOf<
  WithId<NumberedPet>[]
>();

// Errors
function code(error: unknown): number | string | undefined {
  return error instanceof MongoServerError ? error.code : undefined;
}
void code;
declare const long: Long;
void numbered.findOne({ _id: long.toNumber() });
