import { inspect } from 'node:util';

/** What a program may come to print of a value: of an error's causes as well. */
export function shown(value: unknown): string {
  const texts = [inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity })];
  texts.push(String(value), json(value));
  const { stack, cause, errors } = (value ?? {}) as Record<string, unknown>;
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
