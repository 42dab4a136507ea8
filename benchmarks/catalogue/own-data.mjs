import { floorOf, ways } from './reading.mjs';

/** Reads a collection of the user, and never writes to it. */
export function ownData({ collection, documents, operations, warmUpOperations }) {
  return [
    ...Object.entries(ways).map(([way, title]) => ({
      id: way,
      subject: `Reading ${documents.toLocaleString('en')} documents of ${collection}`,
      title,
      program: 'read',
      settings: { collection, way, documents },
      floor: floorOf(way),
    })),
    ...[1, 64].map((width) => ({
      id: `findOne${width}`,
      subject: 'findOne()',
      title: `findOne(), ${width} in flight`,
      program: 'own-point-reads',
      settings: {
        collection,
        operations,
        warmUp: warmUpOperations,
        width,
      },
    })),
  ];
}
