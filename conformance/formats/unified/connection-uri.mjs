/**
 * A connection string with other options. A test's options win over those already there; a direct
 * connection has one seed and no set name.
 *
 * @param {string} uri
 * @param {Record<string, unknown>} [options]
 */
export function withOptions(uri, options = {}) {
  const [address, query = ''] = uri.split('?');
  const parameters = new URLSearchParams(query);
  const remove = (name) => {
    for (const key of [...parameters.keys()]) {
      if (key.toLowerCase() === name.toLowerCase()) parameters.delete(key);
    }
  };
  for (const [name, value] of Object.entries(options)) {
    remove(name);
    for (const item of [value].flat()) parameters.append(name, String(item));
  }
  if (options.directConnection !== true) return join(address, parameters);
  remove('replicaSet');
  return join(address.replace(/,[^/]*/, ''), parameters);
}

function join(address, parameters) {
  const base = /^mongodb:\/\/[^/]*$/.test(address) ? `${address}/` : address;
  return parameters.size === 0 ? base : `${base}?${parameters}`;
}
