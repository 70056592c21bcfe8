// The users of the organization.

import { $, $$, ago, button, copy, shortened } from './page.js';
import { send, resultOf, noReply } from './reply.js';
import { connectBreakers } from './break.js';

connectBreakers(() => location.reload());

for (const time of $$('#timeline time')) time.replaceWith(ago(time.dateTime));
for (const td of $$('#timeline .path')) {
  td.title = td.textContent;
  td.textContent = shortened(td.textContent);
}
$('#id')?.after(' ', button('Copy', e => copy($('#id').textContent, e.currentTarget), { class: 'plain', 'aria-label': 'Copy the ID' }));

// The user of a real organization is looked up by Investigate User, which reads only.
$('#lookup')?.addEventListener('submit', async e => {
  e.preventDefault();
  const name = $('#search').value.trim();
  if (!name) return;
  const body = { parameters: { 'User IDs Or Logins': [name], 'Also Run On Scope': false } };
  try {
    $('#found').replaceChildren(...resultOf(await send('/containment/investigate-user', body)));
    $('#found details')?.setAttribute('open', '');
  } catch (error) {
    $('#found').replaceChildren(noReply(error));
  }
});
