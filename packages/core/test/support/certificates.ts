import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Authorities and certificates, made by openssl, in a folder of their own. */
export class Certificates {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'mongo-offload-tls-'));

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Makes `NAME.crt` and `NAME.key`, which sign others. */
  authority(name: string): void {
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
    const about = ['-days', '30', '-subj', `/CN=${name}`];
    this.#openssl('req', '-x509', ...key, '-out', `${name}.crt`, ...about);
  }

  /**
   * Makes `NAME.pem`: a certificate signed by `ca`, and its key, as MongoDB wants it.
   *
   * @param days - from now; negative: it has expired
   */
  certificate(name: string, ca: string, subject: string, extensions: string, days = 30): void {
    writeFileSync(this.file(`${name}.ext`), extensions);
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
    this.#openssl('req', ...key, '-out', `${name}.csr`, '-subj', subject);
    const signed = ['-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-CAcreateserial'];
    const life = ['-days', String(days), '-extfile', `${name}.ext`];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`, ...life);
    writeFileSync(
      this.file(`${name}.pem`),
      readFileSync(this.file(`${name}.key`), 'utf8') +
        readFileSync(this.file(`${name}.crt`), 'utf8'),
    );
  }

  /** Makes `NAME.pem` of another's, whose key takes a password to be read. */
  locked(name: string, of: string, password: string): void {
    const out = ['-out', `${name}.key`, '-passout', `pass:${password}`];
    this.#openssl('pkey', '-aes256', '-in', `${of}.key`, ...out);
    writeFileSync(
      this.file(`${name}.pem`),
      readFileSync(this.file(`${name}.key`), 'utf8') + readFileSync(this.file(`${of}.crt`), 'utf8'),
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}
