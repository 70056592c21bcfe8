// Sends requests to the functions, and shows their replies.

import { $, element, button, badge, copy, json, showSwitches } from './page.js';

const functions = JSON.parse(document.body.dataset.functions);

// state returns a state as text: "ACTIVE; group: Engineering".
const state = s => Object.entries(s ?? {}).sort(([a], [b]) => (b === 'status') - (a === 'status'))
  .map(([k, v]) => k === 'status' ? v : k.replaceAll('_', ' ') + ': ' + ([v].flat().join(', ') || 'none')).join('; ');

// masked returns a copy of a reply without the values of its secrets.
function masked(value, secrets) {
  if (Array.isArray(value)) return value.map(v => masked(v, secrets));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) =>
    [k, secrets.includes(k) && typeof v === 'string' ? '••••••••' : masked(v, secrets)]));
}

const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// progressOf counts the requests to Okta and the targets whose write has ended, of one run.
function progressOf(run) {
  let requests = 0;
  const written = new Set();
  const stream = new EventSource('/console/events');
  stream.onmessage = e => {
    for (const event of JSON.parse(e.data)) {
      if (event.run !== run) continue;
      if (event.call) requests++;
      if (event.audit?.kind === 'write_ended') written.add(event.audit.target.input);
    }
  };
  return { close: () => stream.close(), text: all => `, ${requests} requests to Okta` + (written.size ? `, ${written.size} of ${all} targets written` : '') };
}

const exchange = async (path, init) => {
  const response = await fetch(path, { ...init, redirect: 'error' });
  return { http: response.status, reply: await response.json() };
};

const pollAfter = 500; // milliseconds

// accepted sends a request about a job, and again while the function asks for that.
async function accepted(path, method = 'GET') {
  for (;;) {
    const sent = await exchange(path, { method });
    if (sent.http !== 429 && sent.http !== 503) return sent;
    await new Promise(done => setTimeout(done, pollAfter));
  }
}

// ended follows a job until it has ended, and returns its whole reply. shown is called with each state, and with the
// function that cancels the job.
async function ended(base, sent, shown) {
  const address = base + sent.reply.job.path;
  while (sent.http === 202) {
    shown(sent.reply.progress, () => accepted(address + '/cancel', 'POST'));
    await new Promise(done => setTimeout(done, pollAfter));
    sent = await accepted(address);
  }
  const { reply } = sent;
  for (let next = reply.job?.next; next;) { // a reply has a part of the targets
    const { http, reply: more } = await accepted(`${address}?after=${next}`);
    if (http !== 200) throw new Error(`the targets from ${next} cannot be read`);
    for (const list of ['targets', 'entities', 'undo_requests', 'not_undoable']) if (more[list]) reply[list] = [...reply[list] ?? [], ...more[list]];
    if (more.json_result) reply.json_result = { ...reply.json_result, ...more.json_result };
    next = more.job.next;
  }
  delete reply.job?.next;
  return sent;
}

// send posts a request and returns the status and the reply. It shows the time that has passed, and for several
// targets, or for a job, how far the run is.
export async function send(path, body, { targets = 1, asJob = false } = {}) {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  const line = element('span');
  $('#progress').replaceChildren(line);
  const run = Array.from(crypto.getRandomValues(new Uint8Array(8)), b => b.toString(16).padStart(2, '0')).join('');
  let counted = null;
  const timer = setInterval(() => {
    if (seconds() < 0.3) return;
    if (targets > 1 && !asJob) counted ??= progressOf(run);
    line.textContent = 'Running, ' + seconds().toFixed(1) + ' s' + (counted?.text(targets) ?? '');
  }, 100);
  const jobShown = ({ done, failed, targets: all }, cancel) => {
    counted = { close() {}, text: () => `, ${done} of ${all} users done, ${failed} failed` };
    if ($('#cancel')) return;
    $('#progress').append(' ', button('Cancel', e => { e.currentTarget.disabled = true; cancel(); }, { id: 'cancel' }));
  };
  try {
    const init = json('POST', JSON.stringify(body));
    init.headers['Console-Run'] = run;
    if (asJob) init.headers.Prefer = 'respond-async';
    let sent = await exchange(path, init);
    if (sent.http === 202) sent = await ended(path.slice(0, path.lastIndexOf('/')), sent, jobShown);
    return { ...sent, seconds: seconds() };
  } finally {
    clearInterval(timer);
    counted?.close();
    $('#progress').replaceChildren();
    showSwitches();
  }
}

// noReply says that no reply arrived.
export const noReply = (error, more = '') => element('p', {
  class: 'error', text: 'No reply of the local product (' + error.message + '): check that go run ./local still runs.' + more,
});

// resultOf returns the elements that show a reply. again, if it is set, runs a planned request for real.
export function resultOf({ http, reply, seconds }, { secrets = [], again = null } = {}) {
  const parts = [
    element('div', { class: 'banner' }, badge(reply.status), element('span', { text: 'HTTP ' + http }),
      element('span', { class: 'note', text: seconds.toFixed(seconds < 1 ? 2 : 1) + ' s' })),
    element('p', { class: 'said', text: reply.output_message }),
  ];
  if (reply.warnings?.length) {
    parts.push(element('ul', { class: 'warnings' }, ...reply.warnings.map(w => element('li', { text: w }))));
  }
  if (reply.targets?.length) parts.push(targetTable(reply.targets));
  const buttons = element('div', { class: 'buttons' });
  if (reply.undo_requests?.length) {
    buttons.append(button('Undo', e => undo(reply, e.currentTarget), { id: 'undo' }));
  }
  if (reply.status === 'planned' && again) {
    const n = reply.targets.filter(t => t.outcome === 'planned').length;
    buttons.append(button(`Run for real: ${n} ${n === 1 ? 'target' : 'targets'}`, again, { id: 'real', class: 'primary' }));
  }
  if (buttons.children.length) parts.push(buttons);
  parts.push(jsonOf(reply, secrets));
  return parts;
}

function targetTable(targets) {
  const rows = targets.map(t => {
    const after = t.outcome === 'planned' ? t.after : t.after ?? t.before;
    const change = differs(t.before, after) ? state(t.before) + ' → ' + state(after) : state(t.before);
    const login = t.login && t.login.toLowerCase() !== t.input.toLowerCase() ? t.login : '';
    return element('tr', {}, element('td', { text: t.input }), element('td', { text: login }),
      element('td', {}, badge(t.outcome)), element('td', { text: change }), element('td', { text: t.error?.message ?? '', class: 'said-error' }));
  });
  const head = ['Input', 'Login', 'Outcome', 'State', 'Error'].map(text => element('th', { scope: 'col', text }));
  for (const column of [4, 3, 1]) { // without an empty column
    if (rows.some(row => row.children[column].textContent)) continue;
    head.splice(column, 1);
    for (const row of rows) row.children[column].remove();
  }
  return element('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': 'Targets' },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)));
}

function jsonOf(reply, secrets) {
  const hidden = masked(reply, secrets);
  const pre = element('pre', { tabindex: '0', text: JSON.stringify(hidden, null, 2) });
  const details = element('details', {}, element('summary', { text: 'JSON' }));
  const buttons = element('div', { class: 'buttons' },
    button('Copy', e => copy(pre.textContent, e.currentTarget)));
  if (differs(hidden, reply)) {
    details.open = true;
    buttons.append(button('Copy with secrets', e => copy(JSON.stringify(reply, null, 2), e.currentTarget)));
    buttons.append(button('Show secrets', e => {
      const shown = e.currentTarget.textContent === 'Show secrets';
      pre.textContent = JSON.stringify(shown ? reply : hidden, null, 2);
      e.currentTarget.textContent = shown ? 'Hide secrets' : 'Show secrets';
    }, { id: 'secrets' }));
  }
  details.append(buttons, pre);
  return details;
}

// ask lists the users of a change of a real organization, and returns whether to make it.
export async function ask(title, names, yes) {
  const dialog = $('#confirm');
  $('h2', dialog).textContent = `${dialog.dataset.org}: ${title}`;
  $('ul', dialog).replaceChildren(...names.map(text => element('li', { text })));
  $('.yes', dialog).textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise(done => dialog.addEventListener('close', done, { once: true }));
  return dialog.returnValue === 'yes';
}

// undo sends the undo requests of a reply, and shows each result.
async function undo({ undo_requests: requests, targets, job }, from) {
  const names = targets.filter(t => t.undo).map(t => t.login || t.input);
  if ($('#form')?.dataset.real === 'true' && !await ask('Undo', names, `Undo: ${names.length} ${names.length === 1 ? 'user' : 'users'}`)) return;
  from.disabled = true;
  const asJob = Boolean(job);
  const box = element('div', { id: 'undone' });
  from.closest('.buttons').after(box);
  for (const r of requests) {
    try {
      const { reply } = await send('/' + functions[r.function] + r.path, r.body, { asJob }); // as many users as the job had
      box.append(element('p', { class: 'said' }, badge(reply.status), ' ' + reply.output_message));
    } catch (error) {
      box.append(noReply(error, ' The undo may have been made.'));
    }
  }
}
