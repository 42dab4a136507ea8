interface Told {
  type?: string;
  code?: string;
}

let seen: string[] = [];

/**
 * Gathers our process warnings, as `code message`, while a test file runs; each test begins with none.
 * (Jest's `process` is a copy of the real one, which does not hear of warnings.)
 */
export function watchWarnings(): void {
  const { emitWarning } = process;
  beforeAll(() => {
    process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
      const { type, code } = (rest[0] ?? {}) as Told;
      if (type === 'MongoOffloadWarning') seen.push(`${code ?? ''} ${String(warning)}`);
      else Reflect.apply(emitWarning, process, [warning, ...rest]);
    };
  });
  afterAll(() => {
    process.emitWarning = emitWarning;
  });
  beforeEach(() => {
    seen = [];
  });
}

/** The warnings so far. */
export function warnings(): readonly string[] {
  return seen;
}

/** Their codes. */
export function warningCodes(): string[] {
  return seen.map((warning) => warning.split(' ')[0]);
}

/** The place of the line `offset` lines below the call of this, as warnings show it. */
export function lineBelow(offset: number): string {
  const place = /\(?([^()\s]+):(\d+):\d+\)?$/.exec(new Error().stack!.split('\n')[2])!;
  return `${place[1]}:${Number(place[2]) + offset}:`;
}
