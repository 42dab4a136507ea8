import { ObjectId, type Document, type MongoClient } from 'mongodb';

import { encodeArguments, encodeListArguments, documentList } from '../calls';
import type { MethodPlan } from '../methods';

/** How a client's `bulkWrite` crosses to the worker. */
export const clientBulkWrite: MethodPlan<MongoClient> = {
  accepts(args) {
    const [models] = args as unknown[][];
    if (!Array.isArray(models)) return false;
    // The caller may change its list while the call is under way.
    args[0] = [...models];
    return models.every((model) => typeof model === 'object' && model !== null);
  },
  encode(this: MongoClient, [models], options, bson, sliceMS) {
    const { pkFactory } = this.options as { pkFactory?: { createPk(): unknown } };
    for (const model of models as Document[]) {
      if (model.name !== 'insertOne') continue;
      const document = model.document as Document | undefined;
      if (document && document._id == null) {
        document._id = pkFactory ? pkFactory.createPk() : new ObjectId();
      }
    }
    try {
      return encodeListArguments(documentList(models as Document[], bson), options, bson, sliceMS);
    } catch {
      // The driver has an error of its own for a model that cannot be serialized.
      return encodeArguments({ a: models, o: options }, bson);
    }
  },
  result: (result) => reviveMaps(result as Document),
};

/** Makes maps of the verbose results of a client's bulk write, which arrive as lists of pairs. */
function reviveMaps(result: Document): Document {
  for (const name of ['insertResults', 'updateResults', 'deleteResults']) {
    const pairs: unknown = result[name];
    if (Array.isArray(pairs)) result[name] = new Map(pairs as [number, unknown][]);
    else result[name] = undefined;
  }
  return result;
}
