/** Options as plain values that can be compared. */
export function plain(value: unknown): unknown;
/** Where a worker reports its clients' options. */
export const CHANNEL: string;
