// @ts-check
// Started by memory-server-binary.mjs: downloads a mongod and sends its path to the parent.
import { MongoBinary } from 'mongodb-memory-server-core';

/** @param {{ binary?: string, error?: string }} message */
const tell = (message) => process.send?.(message);

try {
  tell({ binary: await MongoBinary.getPath() });
} catch (error) {
  tell({ error: error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : String(error) });
}
