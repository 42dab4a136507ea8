import mongodb from 'mongodb';
import { bsonCases, isBson } from './bson.mjs';
import { concernCases, isConcern } from './concern.mjs';
import { isUri, uriCases } from './uri.mjs';
import { isUnified, unifiedCases } from './unified/index.mjs';

const { EJSON } = mongodb.BSON;

/**
 * One thing that a specification promises, to be tried on a driver.
 *
 * @typedef {object} Case
 * @property {string} description
 * @property {(context: import('./context.mjs').Context) => unknown} run
 * throws `Skip` where it cannot run, and anything else where the driver failed
 */

/** The first that reads a file gives its cases. */
const formats = [
  { reads: isUnified, cases: unifiedCases },
  { reads: isUri, cases: uriCases },
  { reads: isConcern, cases: concernCases },
  { reads: isBson, cases: bsonCases },
];

/**
 * The cases of a specification's file; none where it is no test file.
 *
 * @param {string} text
 * @param {string} path
 * @returns {Case[]}
 */
export function casesOf(text, path) {
  const content = EJSON.parse(text);
  return formats.find(({ reads }) => reads(content, path))?.cases(content, path) ?? [];
}
