import type { CommandStartedEvent, MongoClient } from 'mongodb';

/** A command as the server was sent it. */
export interface Command {
  name: string;
  /** `lsid/txnNumber` where it was part of a transaction. */
  transaction: string | undefined;
  /** It begins its transaction. */
  starts: boolean;
  body: Record<string, unknown>;
}

/** Gathers the commands of a client that was made with `monitorCommands`. */
export class Commands {
  #seen: Command[] = [];

  constructor(client: MongoClient) {
    client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
      const inTransaction = command.autocommit === false;
      const lsid = (command.lsid as { id: { toString(encoding: 'hex'): string } } | undefined)?.id;
      this.#seen.push({
        name: commandName,
        transaction: inTransaction
          ? `${lsid!.toString('hex')}/${String(command.txnNumber)}`
          : undefined,
        starts: command.startTransaction === true,
        body: command,
      });
    });
  }

  /** The commands since it was called last. */
  take(): Command[] {
    const seen = this.#seen;
    this.#seen = [];
    return seen;
  }

  /** Their names. */
  names(): string[] {
    return this.take().map(({ name }) => name);
  }
}
