// What all pages share: elements, the theme, the keys, the start token, and what is switched on.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// element returns an element with text or children. Text is never markup.
export function element(name, options = {}, ...children) {
  const { text, ...attributes } = options;
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  e.append(...children.filter(c => c !== null));
  return e;
}

export const button = (text, action, attributes = {}) => {
  const b = element('button', { type: 'button', text, ...attributes });
  b.addEventListener('click', action);
  return b;
};

export const cell = (text, className) => element('td', className ? { text, class: className } : { text });

export const badge = (word, className = word) => element('span', { class: 'badge ' + className, text: String(word).replace('_', ' ') });

// ago returns a time as the time that has passed, with the whole time as title.
export function ago(time) {
  const e = element('time', { datetime: time, title: new Date(time).toLocaleString() });
  const show = () => {
    const s = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
    e.textContent = s < 60 ? s + ' s ago' : s < 3600 ? Math.floor(s / 60) + ' min ago'
      : s < 86400 ? Math.floor(s / 3600) + ' h ago' : Math.floor(s / 86400) + ' d ago';
  };
  show();
  e.refresh = show;
  return e;
}

setInterval(() => { for (const e of $$('time')) e.refresh?.(); }, 5000);

// shortened returns a text whose IDs are without their middle.
export const shortened = text => text.replace(/\b[0-9a-z][0-9A-Za-z]{15,}\b/g, id => id.slice(0, 4) + '…' + id.slice(-4));

export async function copy(text, from) {
  await navigator.clipboard.writeText(text);
  const before = from.textContent;
  from.textContent = 'Copied';
  setTimeout(() => { from.textContent = before; }, 1500);
}

// split returns the items of a text: lines, cells, or words between commas.
export const split = text => text.split(/[\n\r\t,;]+/).map(s => s.trim()).filter(Boolean);

export const json = (method, body) => ({ method, headers: { 'Content-Type': 'application/json' }, body });

// ---- theme ----

const theme = sessionStorage.getItem('theme');
if (theme) document.documentElement.dataset.theme = theme;
$('#theme').addEventListener('click', () => {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  sessionStorage.setItem('theme', document.documentElement.dataset.theme);
});

// ---- what is switched on ----

// showSwitches shows what is switched on in the emulator now.
export async function showSwitches() {
  if (!$('#switches')) return;
  const response = await fetch('/console/switches');
  if (!response.ok) return;
  const { text } = await response.json();
  $('#switches').hidden = !text;
  $('#switches span').textContent = text;
}

$('#switches button')?.addEventListener('click', async () => {
  await fetch('/console/emulator/switches', { method: 'DELETE' });
  showSwitches();
});

// ---- start token ----

$('#start')?.addEventListener('submit', async e => {
  e.preventDefault();
  const response = await fetch('/console/start', json('POST', JSON.stringify({ token: $('#token').value })));
  if (response.ok) location.reload();
  else $('#start .error').textContent = 'This is not the start token. Copy it from the terminal, where go run ./local printed it.';
});

// ---- keys ----

// listed returns the links that j and k go through.
const listed = () => $$('.list li:not([hidden]) a, main td:first-child a');

let before = ''; // the last key

document.addEventListener('keydown', e => {
  const typing = e.target.closest('input, select, textarea, dialog');
  if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
  const target = before === 'g' && $$('nav[aria-label=Pages] a').find(a => a.dataset.key === e.key);
  before = e.key;
  if (target) target.click();
  const search = $('#search');
  if (e.key === '/' && search) { e.preventDefault(); search.focus(); search.select(); }
  if (e.key === '?') $('#keys').showModal();
  if (e.key === 'j' || e.key === 'k') {
    const shown = listed();
    const at = shown.findIndex(a => a === document.activeElement);
    const from = at >= 0 ? at : shown.findIndex(a => a.hasAttribute('aria-current'));
    shown[Math.min(shown.length - 1, Math.max(0, from + (e.key === 'j' ? 1 : -1)))]?.focus();
  }
});
