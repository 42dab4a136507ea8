/*
 * Workers preload this file when they start while the process's working directory is deleted. Node asks for the
 * directory as a worker starts, which throws. From here on it is the root.
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
