import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import type { Proxy, ProxyOptions } from '@mongo-offload/proxy';

/** Echoes its input. */
let echo: Server;
let target: number;
const open: (Socket | Proxy)[] = [];

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  target = (echo.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const one of open.splice(0)) await ('destroy' in one ? one.destroy() : one.close());
});
afterAll(() => echo.close());

async function proxyTo(options: Omit<ProxyOptions, 'port'> = {}): Promise<Proxy> {
  // The type checker allows a CommonJS module to import an ES module only in this way.
  const { startProxy } = await import('@mongo-offload/proxy');
  const proxy = await startProxy({ port: target, ...options });
  open.push(proxy);
  return proxy;
}

async function connected({ port }: Proxy): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  open.push(socket);
  // Without a listener, a reset would throw here. The test that expects it waits for it.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function ask(socket: Socket, what: string): Promise<string> {
  socket.write(what);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return String(answer);
}

test('forwards data in both directions, and the end of either', async () => {
  const socket = await connected(await proxyTo());
  const large = 'x'.repeat(3_000_000);
  socket.end(large);
  expect((await text(socket)) === large).toBe(true);
});

test('delays data in both directions', async () => {
  const proxy = await proxyTo();
  const socket = await connected(proxy);
  await ask(socket, 'before');
  await proxy.set({ delayMS: 100 });
  const start = performance.now();
  expect(await ask(socket, 'x')).toBe('x');
  expect(performance.now() - start).toBeGreaterThanOrEqual(195);
});

test('limits the bytes per second', async () => {
  const proxy = await proxyTo();
  const socket = await connected(proxy);
  await proxy.set({ bytesPerSecond: 100_000 });
  const start = performance.now();
  socket.end('x'.repeat(30_000));
  expect(await text(socket)).toHaveLength(30_000);
  expect(performance.now() - start).toBeGreaterThanOrEqual(295);
});

test('a stall accepts connections and data, and delivers the answer when it ends', async () => {
  const proxy = await proxyTo();
  const before = await connected(proxy);
  await ask(before, 'x');
  await proxy.set({ stalled: true });
  const during = await connected(proxy);
  const answers = Promise.all([ask(before, 'a'), ask(during, 'b')]);
  expect(await Promise.race([answers, delay(100, 'nothing')])).toBe('nothing');
  await proxy.heal();
  expect(await answers).toStrictEqual(['a', 'b']);
});

test('refuses new connections until the fault ends', async () => {
  const proxy = await proxyTo();
  const before = await connected(proxy);
  await ask(before, 'x');
  await proxy.set({ refused: true });
  await expect(connected(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(await ask(before, 'still there')).toBe('still there');
  await proxy.heal();
  expect(await ask(await connected(proxy), 'again')).toBe('again');
});

test('resets open connections and returns their number', async () => {
  const proxy = await proxyTo();
  const sockets = [await connected(proxy), await connected(proxy)];
  await Promise.all(sockets.map(async (socket) => await ask(socket, 'x')));
  const resets = sockets.map(async (socket) => await once(socket, 'error'));
  expect(await proxy.connections()).toBe(2);
  expect(await proxy.cut()).toBe(2);
  for (const [error] of await Promise.all(resets))
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(await proxy.connections()).toBe(0);
});

test('resets a connection in the middle of an answer', async () => {
  const proxy = await proxyTo();
  const socket = await connected(proxy);
  await ask(socket, 'x');
  await proxy.set({ resetAfterBytes: 1_000 });
  let length = 0;
  socket.on('data', (data: Buffer) => (length += data.length));
  socket.write('x'.repeat(5_000));
  // The socket may end without an error: if libuv polls the last bytes and the reset together, it reports an end.
  await new Promise((resolve) => socket.once('close', resolve));
  expect(length).toBeLessThanOrEqual(1_000);
  expect(await proxy.connections()).toBe(0);
});

test('leaves connections without the `only` text alone', async () => {
  const proxy = await proxyTo({ only: 'driver' });
  const [theirs, ours] = [await connected(proxy), await connected(proxy)];
  expect(await ask(theirs, 'a member')).toBe('a member');
  expect(await ask(ours, 'a driver')).toBe('a driver');
  expect(await proxy.connections()).toBe(1);
  await proxy.set({ refused: true });
  expect(await ask(await connected(proxy), 'a member')).toBe('a member');
  expect(await ask(ours, 'x')).toBe('x');
  const refused = await connected(proxy);
  refused.write('a driver');
  expect((await once(refused, 'error'))[0]).toMatchObject({ code: 'ECONNRESET' });
  expect(await proxy.cut()).toBe(1);
  expect(await ask(theirs, 'still there')).toBe('still there');
});
