import * as driver from 'mongodb';

import { dbOf, serverReply, ownAllMethods } from '../driver';
import { offloadMethods, type Carrier, dbTarget } from '../methods';
import type { OwnOptions } from '../options';

/** The driver's Admin, whose commands run in a worker thread. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- its command takes more options
export class Admin extends driver.Admin {}
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- offloadMethods puts it on the prototype
export interface Admin {
  command(
    command: driver.Document,
    options?: driver.RunCommandOptions & OwnOptions,
  ): Promise<driver.Document>;
}

const carrier: Carrier<driver.Admin> = {
  client: (admin) => dbOf(admin).client,
  target: (admin) => dbTarget(dbOf(admin)),
  bson: (admin) => dbOf(admin).bsonOptions,
};

ownAllMethods(Admin, driver.Admin);

offloadMethods<driver.Admin>(Admin.prototype, 'admin', carrier, {
  command: { ownBsonOnly: true },
  removeUser: { ownBsonOnly: true },
  validateCollection: {
    openOptions: true,
    ownBsonOnly: true,
    result: (reply) => serverReply(reply as Uint8Array | driver.Binary | driver.Document),
  },
  listDatabases: { ownBsonOnly: true },
});
