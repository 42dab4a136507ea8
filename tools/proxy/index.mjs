// @ts-check
export { startProxy } from './src/start-proxy.mjs';
