/**
 * Gives this thread, whose `process.env` is a copy from when it started, the main thread's variables:
 * the driver reads there where it runs, and the providers of credentials what they are to give.
 */
export function useEnvironment(env: Record<string, string | undefined>): void {
  for (const name of Object.keys(process.env)) {
    if (!(name in env)) Reflect.deleteProperty(process.env, name);
  }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && process.env[name] !== value) process.env[name] = value;
  }
}
