export { ClientRegistry, type Target } from './client-registry';
