export { EncodingOrder } from './encoding-order';
export { InFlight } from './in-flight';
export { Lifetime } from './lifetime';
