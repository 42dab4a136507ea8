import { inspect } from 'node:util';

/** What a program may come to print of a value; of an error, also what it hides, and its causes. */
export function shown(value: unknown): string {
  const { stack, cause, errors } = (value ?? {}) as Record<string, unknown>;
  const showHidden = typeof stack === 'string';
  const texts = [inspect(value, { depth: Infinity, showHidden, maxStringLength: Infinity })];
  texts.push(String(value), json(value));
  if (typeof stack === 'string') texts.push(stack);
  if (cause !== undefined) texts.push(shown(cause));
  if (Array.isArray(errors)) texts.push(...errors.map(shown));
  return texts.join('\n');
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // Node's own error of a certificate leads to itself.
    return '';
  }
}
