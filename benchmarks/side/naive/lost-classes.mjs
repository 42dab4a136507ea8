import { BSON, ObjectId } from 'mongodb';

/**
 * Restores the BSON classes that structured clone turns into plain objects. `pack` records them, one column for
 * each path, so `unpack` touches only those values.
 *
 * @param {unknown[]} values are not changed
 */
export function pack(values) {
  const columns = new Map();
  for (const [index, value] of values.entries()) note(value, [], index, columns);
  return { values, lost: [...columns.values()] };
}

function note(value, path, index, columns) {
  if (typeof value !== 'object' || value === null || value instanceof Date) return;
  if (value._bsontype !== undefined) {
    const isObjectId = value._bsontype === 'ObjectId';
    const key = `${isObjectId} ${path.join('.')}`;
    let column = columns.get(key);
    if (column === undefined) {
      column = { path: [...path], isObjectId, indexes: [], cells: [] };
      columns.set(key, column);
    }
    column.indexes.push(index);
    column.cells.push(
      isObjectId ? value.toHexString() : BSON.EJSON.serialize(value, { relaxed: false }),
    );
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  for (const key in value) {
    const item = value[key];
    if (typeof item !== 'object' || item === null) continue;
    path.push(key);
    note(item, path, index, columns);
    path.pop();
  }
}

export function unpack({ values, lost }) {
  for (const { path, isObjectId, indexes, cells } of lost) {
    const last = path.at(-1);
    const way = path.slice(0, -1);
    for (let i = 0; i < indexes.length; i++) {
      const found = isObjectId
        ? ObjectId.createFromHexString(cells[i])
        : BSON.EJSON.deserialize(cells[i], { relaxed: false });
      if (last === undefined) {
        values[indexes[i]] = found;
        continue;
      }
      let parent = values[indexes[i]];
      for (const key of way) parent = parent[key];
      parent[last] = found;
    }
  }
  return values;
}
