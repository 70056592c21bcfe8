// The stream of what happens in the functions.

// follow calls take with each list of events. A new connection begins with the recent events, after begin.
export function follow({ begin, take, missed = () => {}, lost = () => {} }) {
  const stream = new EventSource('/console/events');
  stream.onopen = begin;
  stream.onerror = lost;
  stream.onmessage = e => take(JSON.parse(e.data));
  stream.addEventListener('missed', e => missed(Number(e.data)));
}
