export { ClientRegistry, type Target } from './client-registry';
export { mendLostConnections } from './lost-connections';
export { detachMonitoring } from './monitoring';
export { watchServerFailures } from './server-failures';
