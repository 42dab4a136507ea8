export { CallSite } from './call-site';
export * from './errors';
export * from './warning';
