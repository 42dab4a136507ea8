/*
 * Preloaded by workers that start while the process's working directory is deleted. Node itself asks for it as a worker
 * starts, which throws; from here on it is the root.
 */
import path from 'node:path';

const cwd = process.cwd.bind(process);

process.cwd = () => {
  try {
    return cwd();
  } catch {
    return path.parse(__dirname).root;
  }
};
