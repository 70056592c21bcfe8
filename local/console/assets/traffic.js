// The requests that Okta received, from a stream of events, and the failures of the emulator.

const $ = selector => document.querySelector(selector);
const maxRows = 500;
const window5 = 300; // seconds of the chart

const calls = []; // newest first
let paused = false;
let missed = 0;
let drawing = false;

const isWrite = c => c.method !== 'GET' && !c.path.startsWith('/oauth2/');
const isError = c => c.status === 0 || c.status >= 400;

function shown(c) {
  const path = $('#path').value.trim().toLowerCase();
  const kind = $('#status').value;
  return (!path || (c.path + '?' + c.query).toLowerCase().includes(path))
    && (!kind || kind === 'write' && isWrite(c) || kind === 'error' && isError(c) || kind === String(c.status));
}

function cell(text, className) {
  const td = document.createElement('td');
  td.textContent = text;
  if (className) td.className = className;
  return td;
}

function row(c) {
  const tr = document.createElement('tr');
  const time = cell(new Date(c.time).toLocaleTimeString());
  time.title = c.time;
  const status = cell('');
  const badge = document.createElement('span');
  badge.className = 'badge ' + (c.status === 0 || c.status >= 500 ? 'failed' : c.status === 429 ? 'refused' : c.status >= 400 ? 'not_found' : isWrite(c) ? 'changed' : '');
  badge.textContent = c.status || 'lost';
  status.append(badge);
  tr.append(time, status, cell(c.method), cell(c.path + (c.query ? '?' + decoded(c.query) : ''), 'mono path'), cell(c.ms));
  return tr;
}

// draw shows the requests at most five times a second.
function draw() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    if (!paused) $('#calls').replaceChildren(...calls.filter(shown).slice(0, maxRows).map(row));
    $('#nocalls').hidden = calls.length > 0;
    chart();
  }, 200);
}

// decoded returns a query as text.
function decoded(query) {
  try {
    return decodeURIComponent(query);
  } catch {
    return query;
  }
}

// chart draws the requests per second, and those that were not successful, in the last five minutes.
function chart() {
  const now = Date.now();
  const all = new Array(window5 / 5).fill(0), limited = new Array(window5 / 5).fill(0);
  let slow = [];
  for (const c of calls) {
    const age = (now - Date.parse(c.time)) / 1000;
    if (age >= window5) break;
    const i = all.length - 1 - Math.floor(Math.max(0, age) / 5);
    all[i]++;
    if (c.status === 429) limited[i]++;
    slow.push(c.ms);
  }
  const top = Math.max(1, ...all);
  const ns = 'http://www.w3.org/2000/svg';
  const bars = [];
  for (const [values, name] of [[all, 'all'], [limited, 'limited']]) {
    values.forEach((n, i) => {
      if (!n) return;
      const bar = document.createElementNS(ns, 'rect');
      for (const [k, v] of Object.entries({ x: i * 5, y: 60 - 60 * n / top, width: 4, height: 60 * n / top, class: name })) bar.setAttribute(k, v);
      bars.push(bar);
    });
  }
  $('#chart').replaceChildren(...bars);
  slow = slow.sort((a, b) => a - b);
  const sum = values => values.reduce((a, b) => a + b, 0);
  $('#figures').textContent = `Last 5 minutes: ${sum(all)} requests, at most ${(top / 5).toFixed(1)} per second; ${sum(limited)} were 429; `
    + `median ${slow.length ? slow[Math.floor(slow.length / 2)] : 0} ms.` + (missed ? ` This page missed ${missed}.` : '');
}

const stream = new EventSource('/console/events');
stream.onopen = () => { $('#live').textContent = 'Live'; calls.length = 0; };
stream.onerror = () => { $('#live').textContent = 'Not connected: check that go run ./local still runs'; };
stream.onmessage = e => {
  calls.unshift(...JSON.parse(e.data).reverse());
  calls.length = Math.min(calls.length, 5000);
  draw();
};
stream.addEventListener('missed', e => { missed += Number(e.data); draw(); });
setInterval(chart, 5000);

for (const id of ['#path', '#status']) $(id).addEventListener('input', draw);
$('#pause').addEventListener('click', e => {
  paused = !paused;
  e.currentTarget.setAttribute('aria-pressed', paused);
  e.currentTarget.textContent = paused ? 'Go on' : 'Pause';
  draw();
});
$('#empty').addEventListener('click', () => { calls.length = 0; draw(); });

function note(text) {
  const li = document.createElement('li');
  li.textContent = text;
  return li;
}

for (const b of document.querySelectorAll('#breakers button')) {
  b.addEventListener('click', async () => {
    const response = await fetch('/console/emulator/' + b.dataset.path, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: b.dataset.body || undefined,
    });
    const list = $('#broken');
    if (!response.ok) {
      list.append(note(`${b.textContent}: not switched on (${response.status}).`));
    } else if (b.dataset.reset) {
      list.replaceChildren(note('Nothing. The organization is as it was at the start.'));
    } else {
      list.querySelector('.empty')?.remove();
      list.append(note(`${new Date().toLocaleTimeString()} ${b.textContent}`));
    }
  });
}
