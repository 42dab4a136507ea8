import type { Clients, Side } from './clients';
import type * as native from 'mongodb';

/** What a call came to, in a form that can be compared: its value, or the error's class and words. */
export async function outcome(call: () => unknown): Promise<unknown> {
  let returned: unknown;
  try {
    returned = call();
  } catch (error) {
    return { thrownAtOnce: described(error) };
  }
  try {
    return { value: await returned };
  } catch (error) {
    return { rejected: described(error) };
  }
}

function described(error: unknown): unknown {
  const { name, message, code } = error as { name: string; message: string; code?: unknown };
  return { name, message, code };
}

/** The same call made on ours and on the driver, behind each other. */
export async function outcomes(
  { ours, native }: Clients,
  call: (side: Side<native.MongoClient>) => unknown,
): Promise<{ ours: unknown; driver: unknown }> {
  return { ours: await outcome(() => call(ours)), driver: await outcome(() => call(native)) };
}
