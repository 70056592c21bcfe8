// The stream of what happens in the functions.

// follow calls take with each list of events. A new connection begins with the recent events, after begin. A hidden page
// has none, because a browser opens only six connections to a host.
export function follow({ begin, take, missed = () => {}, lost = () => {} }) {
  let stream = null;
  const connect = () => {
    stream?.close();
    stream = null;
    if (document.hidden) return;
    stream = new EventSource('/console/events');
    stream.onopen = begin;
    stream.onerror = lost;
    stream.onmessage = e => take(JSON.parse(e.data));
    stream.addEventListener('missed', e => missed(Number(e.data)));
  };
  document.addEventListener('visibilitychange', connect);
  connect();
}
