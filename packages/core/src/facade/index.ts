export * from './admin';
export * from './client';
export { Collection } from './collection';
export * from './db';
