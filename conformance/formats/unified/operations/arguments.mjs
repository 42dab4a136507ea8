import { MalformedTest } from '../../outcome.mjs';

/** The arguments, where all that are named are among them. */
export function required(args, ...names) {
  for (const name of names) {
    if (args[name] === undefined) throw new MalformedTest(`The argument ${name} is missing`);
  }
  return args;
}
