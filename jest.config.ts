/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

type Project = Exclude<NonNullable<Config['projects']>[number], string>;

const shared: Project = {
  testEnvironment: 'node',
  // Our own ES modules (.mjs: tools, examples, benchmarks) are compiled like the tests are, since jest
  // on Node 20 loads only CommonJS. A test of loading a package as an ES module runs a node of its own.
  transform: {
    '\\.m?[jt]s$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: [
    // What tsc compiled is loaded as it is: tests run the same bytes that users get.
    '/packages/[^/]+/dist/',
    // One file of the driver (since 7.9) loads `os` by a dynamic import, which jest refuses, so that every
    // handshake would fail with "Missing required sub-document 'driver'". Compiled, it is a require.
    '/node_modules/(?!(\\.pnpm/mongodb@[^/]+/node_modules/)?mongodb/lib/runtime_adapters\\.js$)',
  ],
};

const config: Config = {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['unit', 'stress'].map(
        (folder) => `<rootDir>/packages/*/test/${folder}/**/*.test.ts`,
      ),
    },
    {
      ...shared,
      displayName: 'server',
      testMatch: [
        '<rootDir>/packages/*/test/**/*.test.ts',
        '<rootDir>/examples/test/**/*.test.ts',
        '<rootDir>/conformance/test/**/*.test.ts',
        '<rootDir>/tools/*/test/**/*.test.ts',
        '<rootDir>/benchmarks/test/**/*.test.ts',
      ],
      testPathIgnorePatterns: ['/node_modules/', '/packages/[^/]+/test/(unit|stress)/'],
      // One mongod for all of them; its address is in process.env.MONGODB_TEST_URI. Jest starts it only if it
      // runs a file of this project.
      globalSetup: '<rootDir>/tools/jest/global-setup.mjs',
      globalTeardown: '<rootDir>/tools/jest/global-teardown.mjs',
      setupFilesAfterEnv: ['<rootDir>/tools/jest/after-env.ts'],
    },
  ],
  // Ends a test that hangs, however busy the machine is. No test may rely on it.
  testTimeout: 120_000,
  maxWorkers: 2,
};

export default config;
