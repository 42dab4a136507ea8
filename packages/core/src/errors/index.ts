export * from './errors';
export * from './warning';
