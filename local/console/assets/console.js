// The form of an action: it sends the request that any client sends, and shows the reply.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// element returns an element with text or children. Text is never markup.
function element(name, options = {}, ...children) {
  const { text, ...attributes } = options;
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  e.append(...children.filter(c => c !== null));
  return e;
}

const button = (text, action, attributes = {}) => {
  const b = element('button', { type: 'button', text, ...attributes });
  b.addEventListener('click', action);
  return b;
};

// ---- theme ----

const theme = sessionStorage.getItem('theme');
if (theme) document.documentElement.dataset.theme = theme;
$('#theme').addEventListener('click', () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  sessionStorage.setItem('theme', document.documentElement.dataset.theme);
});

// ---- list ----

const search = $('#search');
const links = $$('.list li a');
const all = $('#all'); // closed on small screens until it is needed
if (all) all.open = innerWidth >= 1024 || !$('#form');
search?.addEventListener('focus', () => { all.open = true; });
search?.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\s+/);
  for (const a of links) a.parentElement.hidden = !words.every(w => a.textContent.toLowerCase().includes(w));
  for (const s of $$('.list section')) s.hidden = !$$('li', s).some(li => !li.hidden);
  $('#none').hidden = links.some(a => !a.parentElement.hidden);
});
search?.addEventListener('keydown', e => {
  if (e.key === 'Enter') links.find(a => !a.parentElement.hidden)?.click();
});

// ---- form ----

const form = $('#form');
const functions = JSON.parse(document.body.dataset.functions);

// split returns the items of a pasted text: lines, cells, or words between commas.
const split = text => text.split(/[\n\r\t,;]+/).map(s => s.trim()).filter(Boolean);

function addChips(field, items) {
  const list = $('ul', field);
  for (const item of items) {
    if ($$('li', list).some(li => li.dataset.value.toLowerCase() === item.toLowerCase())) continue;
    const li = element('li', { 'data-value': item, text: item });
    li.append(button('×', () => { li.remove(); $('input', field).focus(); wire(); }, { 'aria-label': 'Remove ' + item }));
    list.append(li);
  }
  wire();
}

function takeText(field) {
  const input = $('input', field);
  if (input.value.trim()) addChips(field, split(input.value));
  input.value = '';
}

function connectChips(field) {
  const input = $('input', field);
  input.addEventListener('keydown', e => {
    if ((e.key === 'Enter' && !e.ctrlKey && !e.metaKey || e.key === ',') && input.value.trim()) {
      e.preventDefault();
      takeText(field);
    } else if (e.key === 'Backspace' && !input.value) {
      $('li:last-child', field)?.remove();
      wire();
    }
  });
  input.addEventListener('paste', e => {
    const text = e.clipboardData.getData('text');
    if (/[\n\t,;]/.test(text)) {
      e.preventDefault();
      addChips(field, split(text));
    }
  });
  input.addEventListener('change', () => takeText(field));
}

function addEntity(identifier = '', type = '') {
  const row = $('#entities template').content.firstElementChild.cloneNode(true);
  $('input', row).value = identifier;
  if (type) $('select', row).value = type;
  $('button', row).addEventListener('click', () => { row.remove(); wire(); });
  $('#entities .rows').append(row);
  return row;
}

// localTime returns a time with the offset of this browser, as ISO 8601.
function localTime(text) {
  const d = new Date(text);
  const offset = -d.getTimezoneOffset();
  const two = n => String(Math.floor(Math.abs(n))).padStart(2, '0');
  return text + (text.length === 16 ? ':00' : '') + (offset < 0 ? '-' : '+') + two(offset / 60) + ':' + two(offset % 60);
}

function inputTime(d) {
  const local = new Date(d.getTime() - d.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19);
}

// valueOf returns the value of a field, undefined if it is not given.
function valueOf(field) {
  const input = $('input, select', field);
  switch (field.dataset.control) {
    case 'checkbox':
      return String(input.checked) === field.dataset.default ? undefined : input.checked;
    case 'chips': {
      const items = $$('li', field).map(li => li.dataset.value);
      return items.length ? items : undefined;
    }
    case 'time':
      return input.value ? localTime(input.value) : undefined;
    case 'number':
      return input.value === '' || input.value === field.dataset.default ? undefined : Number(input.value);
    default:
      return input.value === '' || input.value === field.dataset.default ? undefined : input.value;
  }
}

// request returns the request of the form as it is filled in.
function request() {
  const parameters = {};
  for (const field of $$('.field', form)) {
    const value = valueOf(field);
    if (value !== undefined) parameters[field.dataset.parameter] = value;
  }
  const r = { parameters };
  const entities = $$('.row', form).map(row => ({ identifier: $('input', row).value.trim(), entity_type: $('select', row).value }))
    .filter(e => e.identifier);
  if (entities.length) r.entities = entities;
  const options = {};
  if ($('#dry')?.checked) options.dry_run = true;
  if ($('#verify')?.checked) options.verify = true;
  if (Object.keys(options).length) r.options = options;
  return r;
}

function clear() {
  for (const field of $$('.field', form)) {
    const input = $('input, select', field);
    if (field.dataset.control === 'checkbox') input.checked = field.dataset.default === 'true';
    else if (field.dataset.control === 'chips') { $('ul', field).replaceChildren(); input.value = ''; }
    else if (field.dataset.control === 'select') input.value = field.dataset.default;
    else input.value = field.dataset.control === 'number' ? field.dataset.default : '';
  }
  $('#entities .rows')?.replaceChildren();
  for (const id of ['#dry', '#verify']) if ($(id)) $(id).checked = false;
  showProblems([]);
  wire();
}

function fill() {
  clear();
  const example = JSON.parse(form.dataset.example);
  for (const field of $$('.field', form)) {
    const value = example.parameters?.[field.dataset.parameter];
    if (value === undefined) continue;
    const input = $('input, select', field);
    if (field.dataset.control === 'checkbox') input.checked = value;
    else if (field.dataset.control === 'chips') addChips(field, Array.isArray(value) ? value : split(value));
    else if (field.dataset.control === 'time') input.value = inputTime(new Date(value));
    else input.value = value;
  }
  for (const e of example.entities ?? []) addEntity(e.identifier, e.entity_type);
  wire();
}

// showProblems shows each problem at its field, and a summary that links to them.
function showProblems(problems) {
  for (const field of $$('.field', form)) {
    field.classList.remove('wrong');
    $('.error', field).textContent = '';
    $('input, select', field).removeAttribute('aria-invalid');
  }
  const summary = $('#problems');
  summary.replaceChildren();
  summary.hidden = problems.length === 0;
  let first = null;
  for (const p of problems) {
    const field = $$('.field', form).find(f => f.dataset.parameter === p.parameter);
    if (!field) {
      summary.append(element('p', { text: [p.parameter, p.message].filter(Boolean).join(': ') }));
      continue;
    }
    const input = $('input, select', field);
    field.classList.add('wrong');
    input.setAttribute('aria-invalid', 'true');
    $('.error', field).textContent = p.message;
    summary.append(element('p', {}, element('a', { href: '#' + input.id, text: p.parameter }), ': ' + p.message));
    first ??= input;
  }
  (first ?? (problems.length ? summary : null))?.focus();
}

// ---- run ----

const badge = word => element('span', { class: 'badge ' + word, text: word.replace('_', ' ') });

// state returns a state as text: "status: ACTIVE".
const state = s => Object.entries(s ?? {}).map(([k, v]) => k === 'status' ? v : k + ': ' + [v].flat().join(', ')).join('; ');

// masked returns a copy of a reply without the values of its secrets.
function masked(value, secrets) {
  if (Array.isArray(value)) return value.map(v => masked(v, secrets));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) =>
    [k, secrets.includes(k) && typeof v === 'string' ? '••••••••' : masked(v, secrets)]));
}

const differs = (a, b) => JSON.stringify(a) !== JSON.stringify(b);

// send posts a request and returns the status and the reply. It shows the time that has passed.
async function send(path, body) {
  const begun = performance.now();
  const progress = $('#progress');
  const timer = setInterval(() => {
    const seconds = (performance.now() - begun) / 1000;
    if (seconds > 0.3) progress.textContent = 'Running, ' + seconds.toFixed(1) + ' s';
  }, 100);
  try {
    const response = await fetch(path, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), redirect: 'error',
    });
    return { http: response.status, reply: await response.json(), seconds: (performance.now() - begun) / 1000 };
  } finally {
    clearInterval(timer);
    progress.textContent = '';
  }
}

async function run() {
  for (const field of $$('.field[data-control=chips]', form)) takeText(field);
  const body = request();
  const go = $('#go');
  go.disabled = true;
  try {
    const sent = await send(form.dataset.path, body);
    showProblems(sent.http === 400 ? sent.reply.error?.problems ?? [] : []);
    $('#result').replaceChildren(...resultOf(sent, body));
  } catch (error) {
    $('#result').replaceChildren(element('p', {
      class: 'error', text: 'No reply of the local product (' + error.message + '): check that go run ./local still runs.',
    }));
  } finally {
    go.disabled = false;
  }
  if (innerWidth < 1024 && $('#problems').hidden) $('.result').scrollIntoView();
}

function resultOf({ http, reply, seconds }, body) {
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
    buttons.append(button('Undo', e => undo(reply.undo_requests, e.currentTarget), { id: 'undo' }));
  }
  if (reply.status === 'planned' && body.options?.dry_run) {
    buttons.append(button(realName(reply.targets), () => { $('#dry').checked = false; wire(); run(); }, { id: 'real', class: 'primary' }));
  }
  if (buttons.children.length) parts.push(buttons);
  parts.push(jsonOf(reply));
  return parts;
}

const realName = targets => {
  const n = targets.filter(t => t.outcome === 'planned').length;
  return `Run for real: ${n} ${n === 1 ? 'target' : 'targets'}`;
};

function targetTable(targets) {
  const rows = targets.map(t => {
    const after = t.outcome === 'planned' ? t.after : t.after ?? t.before;
    const change = differs(t.before, after) ? state(t.before) + ' → ' + state(after) : state(t.before);
    const login = t.login && t.login.toLowerCase() !== t.input.toLowerCase() ? t.login : '';
    return element('tr', {}, element('td', { text: t.input }), element('td', { text: login }),
      element('td', {}, badge(t.outcome)), element('td', { text: change }), element('td', { text: t.error?.message ?? '' }));
  });
  const head = ['Input', 'Login', 'Outcome', 'State', 'Error'].map(text => element('th', { scope: 'col', text }));
  for (const column of [4, 1]) { // without an empty column
    if (rows.some(row => row.children[column].textContent)) continue;
    head.splice(column, 1);
    for (const row of rows) row.children[column].remove();
  }
  return element('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': 'Targets' },
    element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)));
}

function jsonOf(reply) {
  const secrets = JSON.parse(form.dataset.secrets);
  const hidden = masked(reply, secrets);
  const pre = element('pre', { tabindex: '0', text: JSON.stringify(hidden, null, 2) });
  const details = element('details', {}, element('summary', { text: 'JSON' }));
  const buttons = element('div', { class: 'buttons' },
    button('Copy', e => copy(JSON.stringify(reply, null, 2), e.currentTarget)));
  if (differs(hidden, reply)) {
    details.open = true;
    buttons.append(button('Show secrets', e => {
      const shown = e.currentTarget.textContent === 'Show secrets';
      pre.textContent = JSON.stringify(shown ? reply : hidden, null, 2);
      e.currentTarget.textContent = shown ? 'Hide secrets' : 'Show secrets';
    }, { id: 'secrets' }));
  }
  details.append(buttons, pre);
  return details;
}

// undo sends the undo requests of a reply, and shows each result.
async function undo(requests, from) {
  from.disabled = true;
  const box = element('div', { id: 'undone' });
  from.closest('.buttons').after(box);
  for (const r of requests) {
    try {
      const { reply } = await send('/' + functions[r.function] + r.path, r.body);
      box.append(element('p', { class: 'said' }, badge(reply.status), ' ' + reply.output_message));
    } catch (error) {
      box.append(element('p', { class: 'error', text: 'No reply (' + error.message + '): the undo may have been made.' }));
    }
  }
}

async function copy(text, from) {
  await navigator.clipboard.writeText(text);
  const before = from.textContent;
  from.textContent = 'Copied';
  setTimeout(() => { from.textContent = before; }, 1500);
}

// ---- wire ----

let asked = 0;

// wire asks for the texts that call the action with these values, if they are shown.
async function wire() {
  const panel = $('#wire');
  if (!form || !panel.open) return;
  const n = ++asked;
  const response = await fetch('/console/wire', {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ group: form.dataset.group, slug: form.dataset.slug, request: request(), origin: location.origin }),
  });
  if (!response.ok || n !== asked) return;
  $('.snippets', panel).replaceChildren(...(await response.json()).map(s => element('div', { class: 'snippet', 'data-name': s.name },
    element('div', {}, element('b', { text: s.name }),
      button('Copy', e => copy(s.text, e.currentTarget), { 'aria-label': 'Copy ' + s.name })),
    element('pre', { tabindex: '0', text: s.text }))));
}

if (form) {
  for (const field of $$('.field[data-control=chips]', form)) connectChips(field);
  for (const b of $$('.reveal', form)) {
    b.addEventListener('click', () => {
      const input = document.getElementById(b.getAttribute('aria-controls'));
      const hidden = input.type === 'password';
      for (const other of $$('.reveal', form)) { // one at a time
        document.getElementById(other.getAttribute('aria-controls')).type = 'password';
        other.textContent = 'Show';
      }
      if (hidden) { input.type = 'text'; b.textContent = 'Hide'; }
    });
  }
  for (const b of $$('.now', form)) {
    b.addEventListener('click', () => { $('input', b.parentElement).value = inputTime(new Date()); wire(); });
  }
  $('#add')?.addEventListener('click', () => $('input', addEntity()).focus());
  $('#fill').addEventListener('click', fill);
  $('#clear').addEventListener('click', clear);
  form.addEventListener('submit', e => e.preventDefault()); // Enter in a field does not run the action
  $('#go').addEventListener('click', run);
  form.addEventListener('input', () => wire());
  $('#wire').addEventListener('toggle', wire);
  if (form.dataset.filled === 'true') fill();
}

// ---- keys ----

let before = ''; // the last key

document.addEventListener('keydown', e => {
  if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && form) {
    e.preventDefault();
    if (!$('#go').disabled) run();
    return;
  }
  const typing = e.target.closest('input, select, textarea, dialog');
  if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
  const target = before === 'g' && { a: '/', t: '/console/traffic' }[e.key];
  before = e.key;
  if (target) location.href = target;
  if (e.key === '/' && search) { e.preventDefault(); search.focus(); search.select(); }
  if (e.key === '?') $('#keys').showModal();
  if (e.key === 'j' || e.key === 'k') {
    const shown = links.filter(a => !a.parentElement.hidden);
    const at = shown.findIndex(a => a === document.activeElement);
    const from = at >= 0 ? at : shown.findIndex(a => a.hasAttribute('aria-current'));
    shown[Math.min(shown.length - 1, Math.max(0, from + (e.key === 'j' ? 1 : -1)))]?.focus();
  }
});
