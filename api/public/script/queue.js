/*
 * Calls that are not sent yet. Each has a name of its own in storage, which is its message id, so
 * tabs add and remove without disturbing each other. It is removed once the server has answered: a
 * page that is closed too early leaves it to the next one, and the server takes a message id once.
 */
const MOST_CALLS = 500;
const MOST_CHARACTERS = 1e6;
const LARGEST_CALL = 32e3;
const LONGEST_WAIT = 12096e5; // 14 days
const LONGEST_ANSWER = 3e4;
const BATCH_CALLS = 100;
const BATCH_BYTES = 6e4; // All requests that outlive a page may have 64 KB together.
const flying = new Set();
let number = 1e4;
let timer;
let failures = 0;
let stopped;

function queued() {
  return names().filter((name) => name.startsWith('q.'));
}

function bytes(text) {
  return new Blob([text]).size;
}

/** Add a call by who uses the browser now. Beyond the bounds, the oldest calls are dropped. */
function add(type, fields) {
  const me = known();
  const now = new Date();
  const id = now.getTime().toString(36) + number++ + random();
  const text = JSON.stringify({
    type,
    messageId: id,
    timestamp: now.toISOString(),
    anonymousId: me.anonymous,
    userId: me.user,
    context: me.visit && { visit: me.visit },
    ...fields,
  });
  if (bytes(text) > LARGEST_CALL) throw new Error('the call is too large');
  write('q.' + id, text);
  let size = 0;
  queued()
    .reverse()
    .forEach((name, place) => {
      size += (read(name) || '').length;
      if (place >= MOST_CALLS || size > MOST_CHARACTERS) remove(name);
    });
  if (!failures) later(300);
}

function later(wait) {
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
}

/** Send what is queued, if the visitor allows it. `leaving`: the page may end at any moment. */
function flush(leaving) {
  if (stopped || !allowed()) return Promise.resolve();
  // What was held until the visitor agreed, or until there was room, is stored.
  Object.keys(held).forEach((name) => write(name, held[name]));
  return leaving === true ? send(true) : exclusively(send);
}

/** Send a batch, and what comes after it. */
async function send(leaving) {
  const sent = [];
  const texts = [];
  let size = 500;
  const fits = (name, text) => {
    size += bytes(text) + 1;
    return size < BATCH_BYTES && texts.push(text) && sent.push(name) < BATCH_CALLS;
  };
  queued().every((name) => {
    const text = read(name);
    // A message id begins with the time at which it was made.
    if (parseInt(name.slice(2, 10), 36) < Date.now() - LONGEST_WAIT) remove(name);
    else if (text && !flying.has(name)) return fits(name, text);
    return true;
  });
  if (!sent.length) return;
  const envelope = JSON.stringify({
    writeKey: options.key,
    sentAt: new Date().toISOString(),
    context: {
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
  });
  const url = host + '/v1/batch';
  // A text is sent without asking first (no preflight), also to another origin.
  const body = `{"batch":[${texts}],${envelope.slice(1)}`;
  if (leaving === true && !('keepalive' in Request.prototype)) {
    navigator.sendBeacon(url, body);
    return;
  }
  sent.forEach((name) => flying.add(name));
  let status = 0;
  let wait = 0;
  let answer;
  const limit = new AbortController();
  setTimeout(() => limit.abort(), LONGEST_ANSWER);
  try {
    const response = await fetch(url, {
      method: 'POST',
      keepalive: true,
      credentials: 'omit',
      signal: limit.signal,
      body,
    });
    status = response.status;
    wait = response.headers.get('Retry-After') * 1e3 || 0;
    answer = await response.json();
  } catch (error) {
    // The network is away: the batch is sent again.
  }
  sent.forEach((name) => flying.delete(name));
  let again = !answer || status === 408 || status === 429 || status > 499;
  if (status === 401 || status === 403) {
    stopped = true;
  } else if (!again) {
    const late = (answer.rejected || [])
      .filter((each) => each.code === 'rate_limited')
      .map((each) => each.index);
    sent.forEach((name, place) => late.includes(place) || remove(name));
    again = late.length;
    if ((answer.warnings || []).some((each) => each.code === 'visit_refused')) {
      remember({ visit: undefined });
    }
  }
  if (status > 399) console.warn('parcours:', answer && answer.message);
  if (again) {
    // Half a second, one, two … a minute, each a little longer or shorter.
    failures = Math.min(failures + 1, 8);
    later(Math.max(wait, Math.min(250 * 2 ** failures, 6e4) * (0.75 + Math.random() / 2)));
  } else {
    failures = 0;
    await send();
  }
}
