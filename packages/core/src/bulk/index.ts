export { offloadedBulk, OrderedBulkOperation, UnorderedBulkOperation } from './bulk-operation';
