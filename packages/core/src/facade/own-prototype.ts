/**
 * Gives a class's prototype, as its own, every method and getter that it inherits from the driver's:
 * libraries copy `Object.getOwnPropertyNames(Collection.prototype)` and must find them all.
 */
export function ownAllMethods(ours: { prototype: object }, drivers: { prototype: object }): void {
  const descriptors = Object.getOwnPropertyDescriptors(drivers.prototype);
  for (const name of Reflect.ownKeys(descriptors) as (string & keyof typeof descriptors)[]) {
    if (Object.prototype.hasOwnProperty.call(ours.prototype, name)) continue;
    Object.defineProperty(ours.prototype, name, descriptors[name]);
  }
}
