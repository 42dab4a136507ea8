// Runs the whole tour, on a server of its own unless MONGODB_URI names one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startMongod } from '@mongo-offload/mongod';

const stops = ['connect', 'insert', 'find', 'change', 'ask', 'timeouts'];

const mongod = await startMongod({ onProgress: (line) => console.log(line) });
try {
  for (const stop of stops) {
    console.log(`\n── ${stop}.mjs`);
    const program = fileURLToPath(new URL(`${stop}.mjs`, import.meta.url));
    const child = spawn(process.execPath, [program], {
      stdio: 'inherit',
      env: { ...process.env, MONGODB_URI: mongod.uri },
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${stop}.mjs ended with exit code ${code}`);
  }
} finally {
  await mongod.stop();
}
