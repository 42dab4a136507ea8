import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

import ts from 'typescript';

/** What the declarations of a package export, read by the compiler. */
export class Declarations {
  readonly #checker: ts.TypeChecker;
  readonly #exports: Map<string, ts.Symbol>;

  constructor(file: string) {
    const entry = realpathSync(file);
    const program = ts.createProgram([entry], {
      skipLibCheck: true,
      strict: true,
      module: ts.ModuleKind.Node16,
      moduleResolution: ts.ModuleResolutionKind.Node16,
      target: ts.ScriptTarget.ES2022,
      types: ['node'],
    });
    this.#checker = program.getTypeChecker();
    const module = this.#checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
    this.#exports = new Map(
      this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]),
    );
  }

  /** The names of everything exported, types and values. */
  names(): string[] {
    return [...this.#exports.keys()].sort();
  }

  /** The options that the methods of an exported class take, and the methods that take each. */
  methodOptions(className: string): Map<string, string[]> {
    const options = new Map<string, string[]>();
    for (const method of this.#properties(this.#declared(className))) {
      const type = this.#checker.getTypeOfSymbol(method);
      for (const signature of type.getCallSignatures()) {
        for (const parameter of signature.parameters) {
          if (!/options$/i.test(parameter.name)) continue;
          for (const option of this.#propertiesOf(this.#checker.getTypeOfSymbol(parameter))) {
            const takers = options.get(option) ?? [];
            if (!takers.includes(method.name)) takers.push(method.name);
            options.set(option, takers);
          }
        }
      }
    }
    return options;
  }

  /** The properties of an exported interface; with `mayBeFunction`, those that can hold a function. */
  properties(interfaceName: string, { mayBeFunction = false } = {}): string[] {
    return (
      this.#properties(this.#declared(interfaceName))
        .filter((property) => !mayBeFunction || this.#holdsFunction(property))
        .map(({ name }) => name)
        // Symbols and private names are numbered by file.
        .filter((name) => !name.startsWith('__@') && !name.startsWith('__#'))
    );
  }

  #declared(name: string): ts.Type {
    const symbol = this.#exports.get(name);
    if (symbol === undefined) throw new Error(`the declarations export no ${name}`);
    return this.#checker.getDeclaredTypeOfSymbol(symbol);
  }

  #properties(type: ts.Type): ts.Symbol[] {
    return this.#checker.getPropertiesOfType(type);
  }

  #propertiesOf(type: ts.Type): string[] {
    const bare = this.#checker.getNonNullableType(type);
    const types = bare.isUnion() ? bare.types : [bare];
    return types
      .filter((part) => (part.flags & ts.TypeFlags.Object) !== 0 || part.isIntersection())
      .filter((part) => this.#checker.getIndexTypeOfType(part, ts.IndexKind.String) === undefined)
      .flatMap((part) => this.#properties(part).map(({ name }) => name));
  }

  /** A function, or a plain object of the driver's with a function in it. */
  #holdsFunction(property: ts.Symbol, depth = 0): boolean {
    const bare = this.#checker.getNonNullableType(this.#checker.getTypeOfSymbol(property));
    const types = bare.isUnion() ? bare.types : [bare];
    return types.some((type) => {
      if (type.getCallSignatures().length > 0) return true;
      const declaration = type.symbol?.declarations?.[0];
      const ofDriver = declaration?.getSourceFile().fileName.endsWith('mongodb.d.ts') === true;
      if (depth > 2 || !ofDriver || !ts.isInterfaceDeclaration(declaration)) return false;
      return this.#properties(type).some((inner) => this.#holdsFunction(inner, depth + 1));
    });
  }
}

/** A row of a table in docs/compatibility.md: the names in backticks in its first cell, and why. */
export interface Row {
  names: string[];
  reason: string;
}

/** The rows of the table under a heading of docs/compatibility.md. */
export function tableUnder(heading: string): Row[] {
  const page = readFileSync(path.resolve(__dirname, '../../../../docs/compatibility.md'), 'utf8');
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/compatibility.md has no heading "${heading}"`);
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).slice(1, -1);
      const names = [...cells[0].matchAll(/`([^`]+)`/g)].map(([, name]) => name);
      return { names, reason: cells.at(-1)!.trim() };
    });
}
