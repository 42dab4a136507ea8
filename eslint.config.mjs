// @ts-check
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import globals from 'globals';
import tseslint from 'typescript-eslint';

// A name that begins with an underscore says that it is there for its position only.
const unusedVariables = {
  argsIgnorePattern: '^_',
  varsIgnorePattern: '^_',
  destructuredArrayIgnorePattern: '^_',
  ignoreRestSiblings: true,
};

export default defineConfig(
  { ignores: ['**/node_modules/', '**/dist/', '**/coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  js.configs.recommended,

  {
    files: ['**/*.{ts,mts,cts}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['packages/*/tsconfig.json', 'tsconfig.check.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', unusedVariables],
      // Numbers in messages are plain; objects there are the mistake to catch.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A method of one expression that returns nothing is easier to read without braces.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Indexed access is typed as if it always found something (noUncheckedIndexedAccess is off), so the
      // rule would call a needed check needless.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // An assertion that something is there states an invariant; a hot path has no better way to say it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // The driver's own signatures are generic in this way, and ours must match them.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Overloads repeat the driver's, one by one, so that both give the same completion and messages.
      '@typescript-eslint/unified-signatures': 'off',
      // Objects that the driver makes become ours by their prototype, and its types leave constructors
      // out: each such assertion would be taken for a mistake.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // The driver deprecates what its users still call, and a drop-in carries it all the same.
      '@typescript-eslint/no-deprecated': 'off',
    },
  },

  {
    // The driver's methods are kept before ours take their place, and called with `call`.
    files: ['packages/core/src/cursor/*.ts'],
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },

  {
    // On the main thread a program's tests may have faked these: `timers` has Node's own.
    files: ['packages/core/src/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'setImmediate',
        'setInterval',
        'setTimeout',
        'clearTimeout',
      ],
    },
  },

  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: {
      globals: globals.node,
      parserOptions: {
        project: ['tsconfig.check.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // Plain JavaScript says its types in JSDoc where it says them at all, so much of it is `any`.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      // It is met by marking a function async, which JSDoc's function types do not ask for.
      '@typescript-eslint/require-await': 'off',
      // What was caught is `any` or `unknown`, and throwing it again is what a tool does with it.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-unused-vars': ['error', unusedVariables],
      'no-unused-vars': 'off',
    },
  },

  {
    files: ['**/test/**/*.ts', 'tools/jest/*.ts'],
    rules: {
      // A test hands over what a type forbids in order to see what happens, and reads what is not public.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // expect(object.method) and a spy's target name a method without calling it.
      '@typescript-eslint/unbound-method': 'off',
      // A callback that is async for its type's sake, and an empty one, are a test's usual stand-ins.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      // A test may need a class that does nothing, or only static members, to pass on.
      '@typescript-eslint/no-extraneous-class': 'off',
      // Values that a test throws on purpose need not be errors.
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },

  {
    files: ['**/test-types/**/*.ts'],
    rules: {
      // Type tests are compiled and never run.
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-unused-vars': 'off',
      '@typescript-eslint/require-await': 'off',
      // It is how a type test says what must not compile; each has its reason beside it.
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': 'allow-with-description' },
      ],
    },
  },

  prettier,
);
