// Makes the calls of the product's actions with Okta's SDK for Node.js, against the emulator, and prints one line per
// call: its name and its result as JSON. Environment: ROOT, and TOKEN or CLIENT_ID, KEY_ID, PRIVATE_KEY and SCOPES.
const okta = require('@okta/okta-sdk-nodejs');
const env = process.env;

const client = new okta.Client(env.TOKEN ? { orgUrl: env.ROOT, disableHttpsCheck: true, token: env.TOKEN } : {
  orgUrl: env.ROOT, disableHttpsCheck: true, authorizationMode: 'PrivateKey',
  clientId: env.CLIENT_ID, keyId: env.KEY_ID, privateKey: env.PRIVATE_KEY, scopes: env.SCOPES.split(' '),
});
const { userApi: users, groupApi: groups, roleAssignmentApi: roles } = client;

async function call(name, f) {
  let result;
  try {
    result = await f();
  } catch (e) { // an error of Okta's has both; anything else is the SDK's
    result = e.errorCode ? [e.status, e.errorCode] : String(e.stack || e);
  }
  console.log(name, JSON.stringify(result ?? null));
}

async function list(pages, value) {
  const all = [];
  await (await pages).each((item) => { all.push(value(item)); });
  return all;
}
const logins = (pages) => list(pages, (user) => user.profile.login.split('@')[0]);
const names = (pages) => list(pages, (group) => group.profile.name);
const keys = (object) => Object.keys(object).filter((key) => object[key]).sort();

(async () => {
  const userId = (await users.getUser({ userId: 'alice@acme.test' })).id;
  const status = async () => (await users.getUser({ userId })).status;
  await call('get', status);
  await call('get-unknown', () => users.getUser({ userId: 'zed@acme.test' }));
  await call('list', async () => (await logins(users.listUsers({ limit: 5 }))).length);
  await call('list-filter', () => logins(users.listUsers({ filter: 'status eq "LOCKED_OUT"' })));
  await call('list-search', () => logins(users.listUsers({ search: 'profile.login eq "BOB@acme.test"' })));
  await call('list-q', () => logins(users.listUsers({ q: 'ali' })));
  await call('list-wrong', () => logins(users.listUsers({ filter: 'profile.department eq "x"' })));
  await call('suspend', async () => { await users.suspendUser({ userId }); return status(); });
  await call('suspend-again', () => users.suspendUser({ userId }));
  await call('unsuspend', async () => { await users.unsuspendUser({ userId }); return status(); });
  await call('deactivate', async () => { await users.deactivateUser({ userId, sendEmail: true }); return status(); });
  await call('activate', async () => keys(await users.activateUser({ userId, sendEmail: false })));
  await call('reactivate', async () => keys(await users.reactivateUser({ userId, sendEmail: false })));
  await call('set-password', async () => (await users.updateUser({
    userId, strict: true, user: { credentials: { password: { value: 'Canary-Passw0rd-1' } } },
  })).status);
  await call('reset-password', async () => keys(await users.generateResetPasswordToken({ userId, sendEmail: false })));
  await call('sessions', () => users.revokeUserSessions({ userId, oauthTokens: true }));
  await call('user-groups', () => names(users.listUserGroups({ userId })));
  await call('add-group', async () => (await groups.createGroup({ group: { profile: { name: 'Node SDK' } } })).type);
  await call('add-group-again', () => groups.createGroup({ group: { profile: { name: 'Node SDK' } } }));
  await call('groups', () => names(groups.listGroups({ limit: 2 })));
  await call('groups-q', () => names(groups.listGroups({ q: 'Node' })));
  await call('assign-role', async () => (await roles.assignRoleToUser({ userId, assignRoleRequest: { type: 'APP_ADMIN' } })).type);
  await call('assign-role-again', () => roles.assignRoleToUser({ userId, assignRoleRequest: { type: 'APP_ADMIN' } }));
  await call('unassign-role', async () => {
    const [roleId] = await list(roles.listAssignedRolesForUser({ userId }), (role) => role.id);
    await roles.unassignRoleFromUser({ userId, roleId });
    return list(roles.listAssignedRolesForUser({ userId }), (role) => role.type);
  });
  await call('providers', async () => (await list(client.identityProviderApi.listIdentityProviders({ limit: 3 }), (p) => p.id)).length);
})();
