import * as driver from 'mongodb';

import { dbOf } from '../driver/internals';
import { offloadMethods, type Carrier } from './offload-method';
import { ownAllMethods } from './own-prototype';
import { dbTarget } from './targets';

/** The driver's Admin; its commands run in a worker thread. */
export class Admin extends driver.Admin {}

const carrier: Carrier<driver.Admin> = {
  client: (admin) => dbOf(admin).client,
  target: (admin) => dbTarget(dbOf(admin)),
  bson: (admin) => dbOf(admin).bsonOptions,
};

ownAllMethods(Admin, driver.Admin);

offloadMethods<driver.Admin>(Admin.prototype, 'admin', carrier, {
  command: { ownBsonOnly: true },
  removeUser: {},
  validateCollection: { openOptions: true },
  listDatabases: {},
});
