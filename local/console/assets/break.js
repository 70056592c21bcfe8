// The buttons that make the emulator fail.

import { $, $$, json, showSwitches } from './page.js';

// ask sends a request to the control API of the emulator, and reports whether it was accepted.
async function ask(method, path, body) {
  const response = await fetch('/console/emulator/' + path, json(method, body || undefined));
  let problem = '';
  if (!response.ok) problem = `The emulator refused this (${response.status}): ` + ((await response.json().catch(() => ({}))).error ?? path);
  $('#broke').textContent = problem;
  await showSwitches();
  return response.ok;
}

// connectBreakers connects the buttons. changed is called after a change of the organization itself.
export function connectBreakers(changed) {
  for (const b of $$('#breakers button')) b.addEventListener('click', () => ask(b.dataset.method, b.dataset.path, b.dataset.body));
  const app = async body => await ask('POST', 'app', JSON.stringify(body)) && ask('DELETE', 'tokens');
  $('#dpop')?.addEventListener('click', () => app({ dpop: true }));
  $('#take')?.addEventListener('click', async () => {
    const { scopes } = await (await fetch('/console/switches')).json(); // as they are now
    const taken = $('#scope').value;
    app({ scopes: scopes.filter(s => s !== taken) });
  });
  $('#create')?.addEventListener('click', async () => {
    if (await ask('POST', 'users?count=' + encodeURIComponent($('#count').value))) changed();
  });
  $('#reset')?.addEventListener('click', async () => { if (await ask('POST', 'reset')) changed(); });
}
