import { createSocket, type Socket } from 'node:dgram';

/** What a name server knows of `mongodb+srv` connection strings. */
export interface SrvRecords {
  /** By name (`_mongodb._tcp.cluster.example.test`): where servers are. */
  srv: Record<string, { host: string; port: number }[]>;
  /** By name: the text of its one record. */
  txt: Record<string, string>;
}

const TYPES = { 16: 'TXT', 33: 'SRV' } as const;
const HEADER = 12;
const NAME_ERROR = 3;

/** A name server on a port of its own, which answers SRV and TXT questions and says that there is nothing else. */
export class DnsServer {
  readonly #socket: Socket;
  readonly #records: SrvRecords;
  /** The questions so far, as `SRV name`. */
  readonly asked: string[] = [];

  private constructor(socket: Socket, records: SrvRecords) {
    this.#socket = socket;
    this.#records = records;
    socket.on('message', (question, { port, address }) => {
      socket.send(this.#answer(question), port, address);
    });
  }

  static async start(records: SrvRecords): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new DnsServer(socket, records);
  }

  /** As `dns.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #answer(question: Buffer): Buffer {
    const { name, end } = nameAt(question, HEADER);
    const type = TYPES[question.readUInt16BE(end) as keyof typeof TYPES] ?? 'other';
    this.asked.push(`${type} ${name}`);
    const answers = this.#answers(type, name);
    const header = Buffer.from(question.subarray(0, HEADER));
    header.writeUInt16BE(0x8180 | (answers.length === 0 ? NAME_ERROR : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, question.subarray(HEADER, end + 4), ...answers]);
  }

  #answers(type: string, name: string): Buffer[] {
    if (type === 'SRV') {
      return (this.#records.srv[name] ?? []).map(({ host, port }) => {
        const data = Buffer.alloc(6);
        data.writeUInt16BE(port, 4);
        return record(33, Buffer.concat([data, encoded(host)]));
      });
    }
    const text = type === 'TXT' ? this.#records.txt[name] : undefined;
    return text === undefined ? [] : [record(16, labelled(text))];
  }
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  // The name is that of the question; class IN, and a minute to live.
  head.writeUInt16BE(0xc000 | HEADER, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(60, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function labelled(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

function encoded(name: string): Buffer {
  return Buffer.concat([...name.split('.').map(labelled), Buffer.from([0])]);
}

function nameAt(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = bytes[at]; length !== 0; length = bytes[at]) {
    labels.push(bytes.toString('utf8', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}
