// Tries an action against the guardrails, and lists the refusals.

import { $, element, cell, ago, split } from './page.js';
import { send, resultOf, noReply } from './reply.js';
import { follow } from './stream.js';

async function attempt() {
  const option = $('#action').selectedOptions[0];
  const request = JSON.parse(option.dataset.request);
  const users = split($('#users').value);
  const parameters = { ...request.parameters, [option.dataset.users]: users };
  $('#go').disabled = true;
  try {
    const sent = await send('/' + option.value, { parameters, options: { dry_run: true } }, { targets: users.length });
    $('#result').replaceChildren(...resultOf(sent));
  } catch (error) {
    $('#result').replaceChildren(noReply(error));
  } finally {
    $('#go').disabled = false;
  }
}

$('#go').addEventListener('click', attempt);
$('#try').addEventListener('submit', e => { e.preventDefault(); attempt(); });

const rows = []; // newest first

follow({
  begin: () => { rows.length = 0; },
  take: events => {
    for (const { time, audit } of events) {
      if (audit?.kind !== 'invocation') continue;
      for (const t of audit.targets ?? []) {
        if (t.outcome === 'refused') rows.unshift({ time, action: audit.action + (audit.dry_run ? ' (dry run)' : ''), user: t.login || t.input, rule: t.error_code });
      }
    }
    rows.length = Math.min(rows.length, 100);
    $('#norefusals').hidden = rows.length > 0;
    $('#refusals').replaceChildren(...rows.map(r => element('tr', {}, element('td', {}, ago(r.time)), cell(r.action), cell(r.user),
      cell(r.rule.replace(/^guardrail_/, ''), 'mono'))));
  },
});
