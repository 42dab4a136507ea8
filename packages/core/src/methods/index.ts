export {
  acknowledged,
  addId,
  bulkResult,
  completeBulkError,
  idsAtCall,
  ownDocuments,
  ownOperations,
  shownOperation,
} from './inserts';
export { limitedOnMain } from './limited-on-main';
export {
  type Carrier,
  type MethodPlan,
  offloadMethods,
  serializing,
  sessionOf,
} from './offload-method';
export { clientTarget, collectionTarget, dbTarget } from './target-cache';
