/**
 * Copies to a class's prototype every method and getter that it inherits from the driver's class. Libraries iterate
 * over `Object.getOwnPropertyNames(Collection.prototype)`, and must find them all. Methods of ours get the `length` of
 * the driver's.
 */
export function ownAllMethods(ours: { prototype: object }, drivers: { prototype: object }): void {
  const descriptors = Object.getOwnPropertyDescriptors(drivers.prototype);
  for (const name of Reflect.ownKeys(descriptors) as (string & keyof typeof descriptors)[]) {
    const own = Object.getOwnPropertyDescriptor(ours.prototype, name);
    if (own === undefined) {
      Object.defineProperty(ours.prototype, name, descriptors[name]);
    } else if (typeof own.value === 'function' && name !== 'constructor') {
      const { length } = (descriptors[name] as { value: (...args: unknown[]) => unknown }).value;
      Object.defineProperty(own.value, 'length', { value: length, configurable: true });
    }
  }
}
