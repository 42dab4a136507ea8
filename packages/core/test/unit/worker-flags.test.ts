import { workerFlags } from '../support/internals';

test('workers are started with the program’s flags for sockets, and with no other', () => {
  const commandLine = [
    ...['--import', './hook.mjs', '--require=./hook.cjs', '--max-old-space-size=100', '--inspect'],
    ...['--dns-result-order', 'ipv4first', '--tls-min-v1.0', '--no-network-family-autoselection'],
    ...['--network-family-autoselection-attempt-timeout=500', '--eval', '--tls-min-v1.3x'],
  ];
  expect(workerFlags(commandLine)).toStrictEqual([
    ...['--dns-result-order', 'ipv4first', '--tls-min-v1.0', '--no-network-family-autoselection'],
    '--network-family-autoselection-attempt-timeout=500',
  ]);
});
