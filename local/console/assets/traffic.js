// The requests to Okta, the audit records and the messages of Pub/Sub, as they happen.

import { $, element, cell, badge, ago, button, copy, shortened } from './page.js';
import { connectBreakers } from './break.js';
import { follow } from './stream.js';

const maxRows = 500;
const maxCalls = 5000;
const maxRecords = 500;
const window5 = 300; // seconds of the chart

const calls = []; // newest first, as the others
const records = [];
const messages = [];
const logins = new Map(); // by user ID, from the audit records
const names = new Map(); // of actions, by run
let only = ''; // the run that is shown; '' for all
let paused = false;
let missed = 0;
let drawing = false;

const isWrite = c => c.method !== 'GET' && !c.path.startsWith('/oauth2/');
const isError = c => c.status === 0 || c.status >= 400;

// userOf returns the login of the user in a path, if an audit record named the user.
function userOf(c) {
  const id = c.path.match(/\/users\/([^/]+)/)?.[1];
  return id ? logins.get(decoded(id)) ?? '' : '';
}

function shown(e) {
  const path = $('#path').value.trim().toLowerCase();
  const kind = $('#status').value;
  const c = e.call;
  return (!only || e.run === only)
    && (!path || (c.path + '?' + c.query + ' ' + userOf(c)).toLowerCase().includes(path))
    && (!kind || kind === 'write' && isWrite(c) || kind === 'error' && isError(c) || kind === String(c.status));
}

// actionOf returns the name of the action of an event, with a button that shows this run only.
function actionOf(e) {
  const td = cell('');
  const name = names.get(e.run) ?? e.action;
  if (name) td.append(button(name, () => { only = e.run; document.activeElement.blur(); draw(0); }, { class: 'plain', title: 'Show this call only: ' + e.run }));
  return td;
}

const when = time => element('td', {}, ago(time));

function row(e) {
  const c = e.call;
  const colour = c.status === 0 || c.status >= 500 ? 'failed' : c.status === 429 ? 'refused' : c.status >= 400 ? 'not_found' : isWrite(c) ? 'changed' : '';
  const path = c.path + (c.query ? '?' + decoded(c.query) : '');
  return element('tr', {}, when(e.time), element('td', {}, badge(c.status || 'lost', colour)), cell(c.method),
    element('td', { class: 'mono path', text: shortened(path), title: path }), cell(userOf(c)), actionOf(e), cell(c.ms));
}

function recordRow(e) {
  const a = e.audit;
  const targets = (a.targets ?? (a.target ? [a.target] : [])).map(t => `${t.login || t.input}${t.outcome ? ': ' + t.outcome : ''}`);
  const what = a.kind === 'invocation' ? badge(a.status) : cell(a.kind.replace('_', ' ')).firstChild;
  const text = JSON.stringify(a, null, 2);
  return element('tr', {}, when(e.time), element('td', {}, what), actionOf(e),
    cell((a.route ? a.route + ' for ' : '') + (targets.slice(0, 5).join(', ') + (targets.length > 5 ? `, ${targets.length - 5} more` : '')), 'path'),
    element('td', {}, element('details', {}, element('summary', { text: 'JSON' }), button('Copy', x => copy(text, x.currentTarget)), element('pre', { tabindex: '0', text }))));
}

const messageRow = e => element('tr', {}, when(e.time), cell(e.message.dead_letter ? 'dead letter' : 'result'), cell(e.message.action),
  element('td', {}, badge(e.message.status || 'failed', e.message.dead_letter ? 'failed' : e.message.status)), cell(e.message.text, 'path'));

// draw shows the events: new ones at most five times a second, and an input at once.
function draw(wait = 200) {
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    if (!paused) {
      if (!$('#calls').contains(document.activeElement)) $('#calls').replaceChildren(...calls.filter(shown).slice(0, maxRows).map(row));
      const ofRun = e => !only || e.run === only;
      if (!$('#records').contains(document.activeElement) && !$('#records details[open]')) $('#records').replaceChildren(...records.filter(ofRun).slice(0, 100).map(recordRow));
      $('#messages').replaceChildren(...messages.slice(0, 100).map(messageRow));
    }
    $('#one').hidden = !only;
    $('#nocalls').hidden = calls.length > 0;
    $('#norecords').hidden = records.length > 0;
    $('#nomessages').hidden = messages.length > 0;
    chart();
  }, wait);
}

// decoded returns an encoded text as it was.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const sum = values => values.reduce((a, b) => a + b, 0);

function median(values) {
  if (!values.length) return 0;
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function shape(name, attributes) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// chart draws the requests in steps of 5 s, those with 429, and the median latency.
function chart() {
  const now = Date.now();
  const n = window5 / 5;
  const all = new Array(n).fill(0), limited = new Array(n).fill(0), slow = Array.from({ length: n }, () => []);
  for (const { time, call } of calls) {
    const age = (now - Date.parse(time)) / 1000;
    if (age >= window5) break;
    const i = n - 1 - Math.floor(Math.max(0, age) / 5);
    all[i]++;
    if (call.status === 429) limited[i]++;
    slow[i].push(call.ms);
  }
  const top = Math.max(1, ...all);
  const latencies = slow.map(list => list.length ? median(list) : null);
  const slowest = Math.max(1, ...latencies);
  const parts = [];
  for (const [values, name] of [[all, 'all'], [limited, 'limited']]) {
    values.forEach((v, i) => { if (v) parts.push(shape('rect', { x: i * 5, y: 60 - 60 * v / top, width: 4, height: 60 * v / top, class: name })); });
  }
  latencies.forEach((ms, i) => { if (ms !== null) parts.push(shape('rect', { x: i * 5, y: 58 - 56 * ms / slowest, width: 4, height: 2, class: 'latency' })); });
  $('#chart').replaceChildren(...parts);
  $('#figures').textContent = `Last 5 minutes: ${sum(all)} requests, at most ${(top / 5).toFixed(1)} per second; ${sum(limited)} were 429; `
    + `median ${median(slow.flat())} ms, slowest step ${slowest} ms.` + (missed ? ` This page missed ${missed}.` : '');
}

function keep(list, e, most) {
  list.unshift(e);
  list.length = Math.min(list.length, most);
}

follow({
  begin: () => { $('#live').textContent = 'Live'; for (const list of [calls, records, messages]) list.length = 0; },
  lost: () => { $('#live').textContent = 'Not connected: check that go run ./local still runs'; },
  missed: n => { missed += n; draw(); },
  take: events => {
    for (const e of events) {
      if (e.call) keep(calls, e, maxCalls);
      if (e.message) keep(messages, e, maxRecords);
      if (!e.audit) continue;
      keep(records, e, maxRecords);
      names.set(e.run, e.audit.action);
      for (const t of e.audit.targets ?? [e.audit.target]) if (t?.user_id && t.login) logins.set(t.user_id, t.login);
    }
    draw();
  },
});
setInterval(chart, 5000);

for (const id of ['#path', '#status']) $(id).addEventListener('input', () => draw(0));
$('#one').addEventListener('click', () => { only = ''; draw(0); });
$('#pause').addEventListener('click', e => {
  paused = !paused;
  e.currentTarget.setAttribute('aria-pressed', paused);
  e.currentTarget.textContent = paused ? 'Go on' : 'Pause';
  draw();
});
$('#empty').addEventListener('click', () => { for (const list of [calls, records, messages]) list.length = 0; draw(0); });
connectBreakers(() => {});
