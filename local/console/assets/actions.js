// The form of an action: it sends the request that any client sends, and shows the reply.

import { $, $$, element, button, copy, json, split } from './page.js';
import { ask, send, resultOf, noReply } from './reply.js';

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

function addChips(field, items) {
  const list = $('ul', field);
  for (const item of items) {
    if ($$('li', list).some(li => li.dataset.value.toLowerCase() === item.toLowerCase())) continue;
    const li = element('li', { 'data-value': item, text: item });
    li.append(button('×', () => { li.remove(); $('input', field).focus(); changed(); }, { 'aria-label': 'Remove ' + item }));
    list.append(li);
  }
  changed();
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
      changed();
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
  $('button', row).addEventListener('click', () => { row.remove(); changed(); });
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
  for (const id of ['#dry', '#verify', '#job']) if ($(id)) $(id).checked = false;
  showProblems([]);
  changed();
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
  changed();
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

// targetCount returns the number of users and entities in the form.
const targetCount = () => $$('.field[data-users=true] li', form).length + (request().entities?.length ?? 0);

// how returns how the request is sent.
const how = () => ({ targets: targetCount(), asJob: Boolean($('#job')?.checked) });

// label names what the button does.
function label() {
  const n = targetCount();
  const changes = form.dataset.mutates === 'true' && !$('#dry').checked;
  $('#go').textContent = changes ? named(n) : $('#dry')?.checked ? 'Dry run' : 'Run';
}

// named returns the name of a button that changes n users, 0 for an action that has none.
const named = n => form.dataset.name + (n ? `: ${n} ${n === 1 ? 'user' : 'users'}` : '');

// confirmed shows what a request would change in a real organization, and asks whether to send it. A request that
// would change nothing is not sent: its dry run is shown.
async function confirmed(body) {
  const planned = await send(form.dataset.path, { ...body, options: { ...body.options, dry_run: true } }, how());
  const targets = (planned.reply.targets ?? []).filter(t => t.outcome === 'planned');
  if (!targets.length) {
    show(planned, body);
    return false;
  }
  return ask(`${form.dataset.name}: ${targets.length} of ${planned.reply.targets.length} targets`, targets.map(t => t.login || t.input), named(targets.length));
}

function show(sent, body) {
  showProblems(sent.http === 400 ? sent.reply.error?.problems ?? [] : []);
  const again = body.options?.dry_run ? () => { $('#dry').checked = false; changed(); run(); } : null;
  $('#result').replaceChildren(...resultOf(sent, { secrets: JSON.parse(form.dataset.secrets), again }));
}

async function run() {
  for (const field of $$('.field[data-control=chips]', form)) takeText(field);
  const body = request();
  const go = $('#go');
  go.disabled = true;
  try {
    const asks = form.dataset.real === 'true' && form.dataset.mutates === 'true' && !body.options?.dry_run;
    if (asks && !await confirmed(body)) return;
    show(await send(form.dataset.path, body, how()), body);
  } catch (error) {
    $('#result').replaceChildren(noReply(error));
  } finally {
    go.disabled = false;
  }
  if (innerWidth < 1024 && $('#problems').hidden) $('.result').scrollIntoView();
}

// ---- wire ----

let asked = 0;

// changed follows a change of the form.
function changed() {
  label();
  wire();
}

// wire asks for the texts that call the action with these values, if they are shown.
async function wire() {
  const panel = $('#wire');
  if (!form || !panel.open) return;
  const n = ++asked;
  const response = await fetch('/console/wire', json('POST', JSON.stringify({
    group: form.dataset.group, slug: form.dataset.slug, as_job: how().asJob, request: request(), origin: location.origin,
  })));
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
    b.addEventListener('click', () => { $('input', b.parentElement).value = inputTime(new Date()); changed(); });
  }
  $('#add')?.addEventListener('click', () => $('input', addEntity()).focus());
  $('#fill').addEventListener('click', fill);
  $('#clear').addEventListener('click', clear);
  form.addEventListener('submit', e => e.preventDefault()); // Enter in a field does not run the action
  $('#go').addEventListener('click', run);
  form.addEventListener('input', changed);
  $('#wire').addEventListener('toggle', wire);
  document.addEventListener('keydown', e => {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && !$('#confirm').open) {
      e.preventDefault();
      if (!$('#go').disabled) run();
    }
  });
  if (form.dataset.filled === 'true') fill();
  const user = new URLSearchParams(location.search).get('user'); // of a link to the form
  if (user && $('.field[data-users=true]', form)) addChips($('.field[data-users=true]', form), [user]);
  changed();
}
