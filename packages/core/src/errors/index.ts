export { CallSite } from './call-site';
export { revived, showCaller } from './caller-stack';
export * from './errors';
export * from './warning';
